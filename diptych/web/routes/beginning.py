"""What a page shows of a collection before anything is searched."""

from pydantic import BaseModel

from diptych.web.guards import reading
from diptych.web.schemas import Item, ServiceOf, items_of
from diptych.web.served_collections import ServedCollection

ROUTER = reading()
ROUTERS = (ROUTER,)


class ValueCount(BaseModel):
    """A value of a column."""

    value: str | float | bool
    items: int
    """How many of the items surveyed have it."""


class FacetDetail(BaseModel):
    """A column whose values divide the items."""

    column: str
    values: list[ValueCount]
    """The most frequent values, most frequent first; numbers in their order."""


class Beginning(BaseModel):
    """What a page begins with."""

    newest: list[Item]
    """The pictures whose files changed last, newest first; texts, if there are no pictures."""
    queries: list[str]
    """Texts to try as queries."""
    facets: list[FacetDetail]
    surveyed: int
    """How many items this was taken from: the first ones by id."""


@ROUTER.get("/collections/{collection}/overview", tags=["collections"], summary="Show what a page begins with")
async def show_overview(collection: str, service: ServiceOf) -> Beginning:
    """Return the newest pictures, queries to try, and the frequent values of columns with their counts."""
    return await service.in_thread(_beginning, service.collection(collection))


def _beginning(served: ServedCollection) -> Beginning:
    found = served.overview()
    facets = [
        FacetDetail(column=facet.column, values=[ValueCount(value=v, items=n) for v, n in facet.values])
        for facet in found.facets
    ]
    newest = items_of(served.name, served.collection.table.read(found.newest))
    return Beginning(newest=newest, queries=found.queries, facets=facets, surveyed=found.surveyed)
