"""The served collections and models."""

import re
from collections import Counter
from typing import Annotated, Any

from fastapi import Form
from pydantic import BaseModel

from diptych.collection import Collection, EmbeddingModel, fingerprint_of
from diptych.errors import BadSetting
from diptych.web.guards import reading
from diptych.web.schemas import Column, ServiceOf
from diptych.web.served_collections import ServedCollection

ROUTER = reading()
ROUTERS = (ROUTER,)

SAMPLED = 1_000
"""Items sampled for example values."""
EXAMPLES = 20
"""Example values per column."""
FOLDERS = re.compile(r"(?<![^:=])~?/(?:[^,;]*/)?")
"""The folders of a file in an encoder's name, such as `onnx:/srv/models/cat.onnx`; clients do not see them."""


class CollectionSummary(BaseModel):
    """The summary of a collection."""

    name: str
    items: int
    images: int
    texts: int


class CollectionDetail(CollectionSummary):
    """The full description of a collection."""

    columns: list[Column]
    model: str
    """The digest of its model, as in `/v1/models`."""
    spaces: list[str]
    half: bool
    bytes: int
    search: dict[str, str]
    """How its pictures and texts are searched."""


class AlikeItems(BaseModel):
    """Items whose pictures are nearly the same."""

    groups: list[list[str]]
    """Their ids, in the order in which they were named; items that are like no other are in no group."""


class ModelDetail(BaseModel):
    """A model that embeds pictures and texts."""

    digest: str
    method: str
    encoders: dict[str, str]
    spaces: list[str]
    widths: list[int]
    fusion: str | None
    """The default rule for fusing the spaces."""
    collections: list[str]
    """The collections that it embeds."""
    names: list[str]
    """The names by which it can be used without a collection."""


@ROUTER.get("/collections", tags=["collections"], summary="List the collections")
async def list_collections(service: ServiceOf) -> list[CollectionSummary]:
    """Return every served collection."""
    return [await service.in_thread(_summary, served) for served in service.collections.values()]


@ROUTER.get("/collections/{collection}", tags=["collections"], summary="Describe a collection")
async def describe_collection(collection: str, service: ServiceOf) -> CollectionDetail:
    """Return a collection's contents, how it is searched, and the columns that filters can use."""
    return await service.in_thread(_detail, service.collection(collection))


@ROUTER.post("/collections/{collection}/alike", tags=["collections"], summary="Group near-identical pictures")
async def group_alike(
    collection: str,
    service: ServiceOf,
    id: Annotated[list[str], Form(description="The ids of the items that are compared.")],  # noqa: A002
) -> AlikeItems:
    """Return the groups of near-identical pictures among some items, such as hits, as their vectors tell them."""
    if len(id) > service.limits.hits:
        raise BadSetting(f"at most {service.limits.hits:,} items are compared; got {len(id):,}. Name fewer.")
    served = service.collection(collection)
    return AlikeItems(groups=await service.in_thread(served.collection.alike, id))


@ROUTER.get("/models", tags=["collections"], summary="List the models")
async def list_models(service: ServiceOf) -> list[ModelDetail]:
    """Return every model that embeds a collection or is served without one."""
    named = [(served.model, name, None) for name, served in service.collections.items()]
    named += [(model, None, name) for name, model in service.models.items()]  # type: ignore[misc]
    models: dict[str, ModelDetail] = {}
    for model, collection, name in named:
        detail = models.setdefault(model.digest, _model(model))
        detail.collections += [collection] if collection else []
        detail.names += [name] if name else []
    return list(models.values())


def _summary(served: ServedCollection) -> CollectionSummary:
    table = served.collection.table
    count, images, texts = table.count(), table.count(side="image"), table.count(side="text")
    return CollectionSummary(name=served.name, items=count, images=images, texts=texts)


def _detail(served: ServedCollection) -> CollectionDetail:
    stats = served.collection.stats()
    return CollectionDetail(
        name=served.name,
        items=stats["items"],
        images=stats["images"],
        texts=stats["texts"],
        columns=_columns(served.collection, stats["columns"]),
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
        encoders={side: FOLDERS.sub("", name) for side, name in fingerprint.encoders.items()},
        spaces=list(fingerprint.spaces),
        widths=list(fingerprint.widths),
        fusion=fingerprint.fusion,
        collections=[],
        names=[],
    )
