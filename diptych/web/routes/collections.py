"""What collections and models there are."""

from collections import Counter
from typing import Any

from pydantic import BaseModel

from diptych.collection import Collection, EmbeddingModel, fingerprint_of
from diptych.web.guarding import reading
from diptych.web.schemas import Column, ServiceOf
from diptych.web.shelves import Shelf

ROUTER = reading()
ROUTERS = (ROUTER,)

SAMPLED = 1_000
"""Items that examples of values are taken from."""
EXAMPLES = 20
"""Values that are given as examples."""


class CollectionSummary(BaseModel):
    """A collection in short."""

    name: str
    items: int
    images: int
    texts: int


class CollectionDetail(CollectionSummary):
    """A collection with all that is known of it."""

    columns: list[Column]
    model: str
    """The digest of its model, as `/v1/models` has it."""
    spaces: list[str]
    half: bool
    bytes: int
    search: dict[str, str]
    """How its pictures and its texts are searched."""


class ModelDetail(BaseModel):
    """A model that places pictures and texts."""

    digest: str
    method: str
    encoders: dict[str, str]
    spaces: list[str]
    widths: list[int]
    fusion: str | None
    """The rule that fuses the spaces unless another is asked for."""
    collections: list[str]
    """Those that it fills."""
    names: list[str]
    """By which it can be asked for by itself."""


@ROUTER.get("/collections", tags=["collections"], summary="List the collections")
async def list_collections(service: ServiceOf) -> list[CollectionSummary]:
    """Return every collection that is served."""
    return [await service.in_thread(_summary, shelf) for shelf in service.shelves.values()]


@ROUTER.get("/collections/{collection}", tags=["collections"], summary="Describe a collection")
async def describe_collection(collection: str, service: ServiceOf) -> CollectionDetail:
    """Return what a collection holds, how it is searched, and the columns that filters may name."""
    return await service.in_thread(_detail, service.shelf(collection))


@ROUTER.get("/models", tags=["collections"], summary="List the models")
async def list_models(service: ServiceOf) -> list[ModelDetail]:
    """Return every model that fills a collection, or is served by itself."""
    named = [(shelf.model, name, None) for name, shelf in service.shelves.items()]
    named += [(model, None, name) for name, model in service.models.items()]  # type: ignore[misc]
    models: dict[str, ModelDetail] = {}
    for model, collection, name in named:
        detail = models.setdefault(model.digest, _model(model))
        detail.collections += [collection] if collection else []
        detail.names += [name] if name else []
    return list(models.values())


def _summary(shelf: Shelf) -> CollectionSummary:
    table = shelf.collection.table
    count, images, texts = table.count(), table.count(side="image"), table.count(side="text")
    return CollectionSummary(name=shelf.name, items=count, images=images, texts=texts)


def _detail(shelf: Shelf) -> CollectionDetail:
    stats = shelf.collection.stats()
    return CollectionDetail(
        name=shelf.name,
        items=stats["items"],
        images=stats["images"],
        texts=stats["texts"],
        columns=_columns(shelf.collection, stats["columns"]),
        model=stats["model"]["digest"],
        spaces=stats["model"]["spaces"],
        half=stats["half"],
        bytes=stats["bytes"],
        search=stats["search"],
    )


def _columns(collection: Collection, kinds: dict[str, Any]) -> list[Column]:
    rows = collection.items(limit=SAMPLED).metadata
    columns = []
    for name, kind in kinds.items():
        cells = [row[name] for row in rows if name in row]
        values = Counter(each for cell in cells for each in (cell if isinstance(cell, tuple) else (cell,)))
        columns.append(Column(name=name, kind=kind, examples=[value for value, _ in values.most_common(EXAMPLES)]))
    return columns


def _model(model: EmbeddingModel) -> ModelDetail:
    fingerprint = fingerprint_of(model)
    return ModelDetail(
        digest=model.digest,
        method=model.name,
        encoders=dict(fingerprint.encoders.items()),
        spaces=list(fingerprint.spaces),
        widths=list(fingerprint.widths),
        fusion=fingerprint.fusion,
        collections=[],
        names=[],
    )
