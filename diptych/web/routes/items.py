"""Items: looked at, put in, taken out, and their pictures made small."""

import json
from typing import Annotated, Any, Literal

from fastapi import File, Form, Query, Request, Response, UploadFile
from pydantic import BaseModel

from diptych.collection import NewItem, readable, thumbnail
from diptych.errors import BadData, BadSetting, MissingData
from diptych.files import digest
from diptych.web.guarding import reading, writing
from diptych.web.schemas import ItemKind, ServiceOf, kind_of, thumbnail_url
from diptych.web.shelves import Shelf

READ, WRITE = reading(), writing()
ROUTERS = (READ, WRITE)

KEPT = "private, max-age=300, must-revalidate"
"""How long a browser may show a thumbnail without asking again."""


class Item(BaseModel):
    """An item of a collection."""

    id: str
    kind: ItemKind
    texts: list[str]
    columns: dict[str, Any]
    thumbnail: str | None


class ItemList(BaseModel):
    """Some items, in the order of their ids."""

    items: list[Item]
    after: str | None
    """The id to go on after; null where there are no more."""


class Outcome(BaseModel):
    """What became of an item."""

    id: str
    outcome: Literal["added", "updated", "unchanged"]


class Removed(BaseModel):
    """What was taken out."""

    removed: int


@READ.get("/collections/{collection}/items", tags=["items"], summary="List items")
async def list_items(
    collection: str,
    service: ServiceOf,
    where: Annotated[str | None, Query(description="Only those that meet this filter.")] = None,
    after: Annotated[str | None, Query(description="Only those after this id.")] = None,
    limit: Annotated[int, Query(ge=1)] = 100,
) -> ItemList:
    """Return items in the order of their ids."""
    if limit > service.limits.items:
        raise BadSetting(f"at most {service.limits.items:,} items are listed at a time; got {limit}. Ask for less.")
    shelf = service.shelf(collection)
    items = await service.in_thread(_listed, shelf, where, after, limit)
    return ItemList(items=items, after=items[-1].id if len(items) == limit else None)


@READ.get("/collections/{collection}/items/{id:path}", tags=["items"], summary="Look at an item")
async def show_item(collection: str, id: str, service: ServiceOf) -> Item:  # noqa: A002
    """Return an item: its texts and its columns."""
    shelf = service.shelf(collection)
    return (await service.in_thread(_items, shelf, [id]))[0]


@WRITE.put("/collections/{collection}/items/{id:path}", tags=["items"], summary="Put an item in")
async def put_item(
    collection: str,
    id: str,  # noqa: A002
    service: ServiceOf,
    text: Annotated[list[str], Form(description="Its texts.")] = [],  # noqa: B006
    image: Annotated[UploadFile | None, File(description="Its picture.")] = None,
    columns: Annotated[str, Form(description='Its other columns, as a JSON object: {"year": 2010}.')] = "{}",
) -> Outcome:
    """Add an item, or replace the one with its id; the next search sees it."""
    shelf = service.shelf(collection)
    for each in text:
        service.check_text(each)
    picture = await image.read() if image is not None and (image.filename or image.size) else None
    row = {**_object(columns), "id": id, "texts": text}
    item = NewItem(row, picture, id, service.limits.pixels)
    added, rejects = await service.in_thread(shelf.collection.put, [item])
    if rejects:
        raise BadData(rejects[0].reason)
    return Outcome(id=id, outcome="added" if added.added else "updated" if added.updated else "unchanged")


@WRITE.delete("/collections/{collection}/items/{id:path}", tags=["items"], summary="Take an item out")
async def delete_item(collection: str, id: str, service: ServiceOf) -> Removed:  # noqa: A002
    """Take an item out; the next search does not find it. Its picture goes if it was handed over."""
    shelf = service.shelf(collection)
    removed = await service.in_thread(shelf.collection.remove, [id])
    if not removed:
        raise _missing(shelf, id)
    return Removed(removed=removed)


@READ.get(
    "/collections/{collection}/thumbnails/{id:path}",
    tags=["items"],
    summary="Show the picture of an item, small",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}}, 304: {"description": "It is the same as before"}},
)
async def show_thumbnail(
    request: Request,
    collection: str,
    id: str,  # noqa: A002
    service: ServiceOf,
    side: Annotated[Literal["128", "256", "512", "1024"], Query(description="Pixels that it fits into.")] = "256",
) -> Response:
    """Return a picture as WebP, never enlarged."""
    shelf = service.shelf(collection)
    item = await service.in_thread(_contents, shelf, id)
    headers = {"ETag": f'"{digest(*item, side)}"', "Cache-Control": KEPT, "Vary": "Authorization"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    path = await service.in_thread(readable, item[1] or None, identity=id)
    return Response(await service.in_thread(thumbnail, path, side=int(side)), headers=headers, media_type="image/webp")


def _listed(shelf: Shelf, where: str | None, after: str | None, limit: int) -> list[Item]:
    items = shelf.collection.items(where=where, after=after, limit=limit)
    return [_item(shelf, *row) for row in zip(items.ids, items.images, items.texts, items.metadata, strict=True)]


def _items(shelf: Shelf, ids: list[str]) -> list[Item]:
    items = shelf.collection.table.read(ids)
    if not len(items):
        raise _missing(shelf, ids[0])
    return [_item(shelf, *row) for row in zip(items.ids, items.images, items.texts, items.metadata, strict=True)]


def _contents(shelf: Shelf, identity: str) -> tuple[str, str]:
    """Return the digest of an item and the path of its picture, empty without one."""
    items = shelf.collection.table.read([identity])
    if not len(items):
        raise _missing(shelf, identity)
    return items.contents[0], items.images[0] or ""


def _item(shelf: Shelf, identity: str, image: str | None, texts: tuple[str, ...], metadata: Any) -> Item:
    url = thumbnail_url(shelf.name, identity) if image else None
    return Item(id=identity, kind=kind_of(image, texts), texts=list(texts), columns=dict(metadata), thumbnail=url)


def _missing(shelf: Shelf, identity: str) -> MissingData:
    return MissingData(f"the collection {shelf.name!r} has no item {identity!r}. List what it has, or search it.")


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadSetting(f'columns must be a JSON object such as {{"year": 2010}}; got {text[:60]!r}.')
    return value
