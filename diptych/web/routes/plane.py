"""The map of a collection: its items in the plane in which their vectors vary most."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from diptych.errors import BadSetting
from diptych.web.guards import reading
from diptych.web.schemas import ServiceOf, thumbnail_url
from diptych.web.served_collections import ServedCollection

ROUTER = reading()
ROUTERS = (ROUTER,)

MAPPED = 20_000
"""The most items of a map."""
TITLE = 200
"""Characters of an item's text that a map shows."""


class MapPoint(BaseModel):
    """An item in the plane."""

    id: str
    x: float
    y: float
    title: str
    """Its first text, cut at 200 characters, or its id."""
    kind: str | None
    """Its category, if it has one."""
    thumbnail: str | None


class ItemMap(BaseModel):
    """The items of a collection in a plane."""

    points: list[MapPoint]
    shares: list[float]
    """The share of the vectors' variance along each of the two axes."""
    attribution: str
    """The credit that must be shown with the pictures."""


@ROUTER.get("/collections/{collection}/map", tags=["collections"], summary="Place the items in a plane")
async def show_map(
    collection: str,
    service: ServiceOf,
    where: Annotated[str | None, Query(description="Only items that match this filter.")] = None,
) -> ItemMap:
    """Return the items in the plane in which the vectors of their pictures, or else of their texts, vary most."""
    return await service.in_thread(_placed, service.collection(collection), where)


def _placed(served: ServedCollection, where: str | None) -> ItemMap:
    count = len(served.collection.ids(where=where))
    if count > MAPPED:
        raise BadSetting(f"a map has at most {MAPPED:,} items; these are {count:,}. Narrow them with a filter.")
    found = served.collection.map(where=where)
    points = [
        MapPoint(
            id=item.id, x=x, y=y, title=item.title[:TITLE], kind=kind,
            thumbnail=thumbnail_url(served.name, item.id) if item.image else None,
        )
        for item, (x, y), kind in zip(found.items, found.points.tolist(), found.kinds, strict=True)
    ]  # fmt: skip
    return ItemMap(points=points, shares=list(found.shares), attribution=found.attribution)
