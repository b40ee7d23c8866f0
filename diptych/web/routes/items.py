"""Items: list, show, upsert and delete them, and serve their thumbnails."""

import json
from typing import Annotated, Any, Literal

from fastapi import File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel

from diptych.collection import NewItem, readable, thumbnail
from diptych.errors import BadData, BadSetting, Refused
from diptych.files import digest
from diptych.web.guards import reading, writing
from diptych.web.refusals import refuse
from diptych.web.schemas import Item, ServiceOf, items_of
from diptych.web.served_collections import ServedCollection

READ, WRITE = reading(), writing()
ROUTERS = (READ, WRITE)

KEPT = "private, max-age=300, must-revalidate"
"""How long a browser may cache a thumbnail."""


class ItemList(BaseModel):
    """A page of items, ordered by id."""

    items: list[Item]
    after: str | None
    """The id after which the next page starts; null on the last page."""


class Outcome(BaseModel):
    """The outcome of an upsert."""

    id: str
    outcome: Literal["added", "updated", "unchanged"]
    notes: list[str] | None = None
    """What became of columns that do not fit the collection's, if there are any."""


class Tagged(BaseModel):
    """The outcome of writing a value into a column of items."""

    changed: int
    """How many items have another value now."""


class Removed(BaseModel):
    """The outcome of a deletion."""

    removed: int


@READ.get("/collections/{collection}/items", tags=["items"], summary="List items")
async def list_items(
    collection: str,
    service: ServiceOf,
    where: Annotated[str | None, Query(description="Only items that match this filter.")] = None,
    after: Annotated[str | None, Query(description="Only items after this id.")] = None,
    limit: Annotated[int, Query(ge=1)] = 100,
) -> ItemList:
    """Return items ordered by id."""
    if limit > service.limits.items:
        raise BadSetting(f"at most {service.limits.items:,} items are listed per request; got {limit}. Request fewer.")
    served = service.collection(collection)
    items = await service.in_thread(_listed, served, where, after, limit)
    return ItemList(items=items, after=items[-1].id if len(items) == limit else None)


@READ.get("/collections/{collection}/items/{id:path}", tags=["items"], summary="Show an item")
async def show_item(collection: str, id: str, service: ServiceOf) -> Item:  # noqa: A002
    """Return an item with its texts and columns."""
    served = service.collection(collection)
    return (await service.in_thread(_items, served, [id]))[0]


@WRITE.put(
    "/collections/{collection}/items/{id:path}",
    tags=["items"],
    summary="Upsert an item",
    response_model_exclude_none=True,
)
async def put_item(
    collection: str,
    id: str,  # noqa: A002
    service: ServiceOf,
    text: Annotated[list[str], Form(description="Its texts.")] = [],  # noqa: B006
    image: Annotated[UploadFile | None, File(description="Its picture.")] = None,
    columns: Annotated[str, Form(description='Its other columns, as a JSON object: {"year": 2010}.')] = "{}",
) -> Outcome:
    """Upsert an item; the next search finds it."""
    served = service.collection(collection)
    for each in text:
        service.check_text(each)
    picture = await image.read() if image is not None and (image.filename or image.size) else None
    row = {**_object(columns), "id": id, "texts": text}
    item = NewItem(row, picture, id, service.limits.pixels)
    added, rejects = await service.in_thread(served.collection.put, [item])
    if rejects:
        raise BadData(rejects[0].reason)
    outcome: Literal["added", "updated", "unchanged"]
    outcome = "added" if added.added else "updated" if added.updated else "unchanged"
    return Outcome(id=id, outcome=outcome, notes=list(added.notes) or None)


@WRITE.delete("/collections/{collection}/items/{id:path}", tags=["items"], summary="Delete an item")
async def delete_item(collection: str, id: str, service: ServiceOf) -> Removed:  # noqa: A002
    """Delete an item, and its picture if it was uploaded; the next search does not find it."""
    served = service.collection(collection)
    removed = await service.in_thread(served.collection.remove, [id])
    if not removed:
        raise _missing(served, id)
    return Removed(removed=removed)


@WRITE.put("/collections/{collection}/columns/{column}", tags=["items"], summary="Write a value into a column of items")
async def tag_items(
    collection: str,
    column: str,
    service: ServiceOf,
    id: Annotated[list[str], Form(description="The ids of the items.")],  # noqa: A002
    value: Annotated[str, Form(description="The value; empty to take the column's values out.")] = "",
) -> Tagged:
    """Write a value into a column of some items; a column of several texts gets one more, a new column holds texts."""
    if len(id) > service.limits.items:
        raise BadSetting(f"at most {service.limits.items:,} items are tagged per request; got {len(id):,}. Name fewer.")
    service.check_text(value)
    served = service.collection(collection)
    return Tagged(changed=await service.in_thread(served.collection.tag, id, column, value or None))


@READ.get(
    "/collections/{collection}/thumbnails/{id:path}",
    tags=["items"],
    summary="Show the thumbnail of an item",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}, 304: {"description": "Not modified"}},
)
async def show_thumbnail(
    request: Request,
    collection: str,
    id: str,  # noqa: A002
    service: ServiceOf,
    side: Annotated[Literal["128", "256", "512", "1024", "2048"], Query(description="Maximum side in pixels.")] = "256",
) -> Response:
    """Return a picture as WebP, never enlarged."""
    served = service.collection(collection)
    item = await service.in_thread(_contents, served, id)
    headers = {"ETag": f'"{digest(*item, side)}"', "Cache-Control": KEPT, "Vary": "Authorization"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    path = await service.in_thread(readable, item[1] or None, identity=id)
    return Response(await service.in_thread(thumbnail, path, side=int(side)), headers=headers, media_type="image/webp")


def _listed(served: ServedCollection, where: str | None, after: str | None, limit: int) -> list[Item]:
    return items_of(served.name, served.collection.items(where=where, after=after, limit=limit))


def _items(served: ServedCollection, ids: list[str]) -> list[Item]:
    items = served.collection.table.read(ids)
    if not len(items):
        raise _missing(served, ids[0])
    return items_of(served.name, items)


def _contents(served: ServedCollection, identity: str) -> tuple[str, str]:
    """Return the digest of an item and the path of its picture; the path is empty without one."""
    items = served.collection.table.read([identity])
    if not len(items):
        raise _missing(served, identity)
    return items.contents[0], items.images[0] or ""


def _missing(served: ServedCollection, identity: str) -> Refused:
    message = f"the collection {served.name!r} has no item {identity!r}. List or search its items."
    return refuse(404, message, code="missing_data")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadSetting(f'columns must be a JSON object such as {{"year": 2010}}; got {text[:60]!r}.')
    return value
