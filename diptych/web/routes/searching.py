"""Search, and the similarity of one text and one picture."""

import time
from contextlib import AsyncExitStack
from typing import Annotated

import numpy as np
from fastapi import Depends, File, Form, Request, UploadFile
from pydantic import BaseModel

from diptych.collection import EmbeddingModel, Results, SearchRequest, contents_of
from diptych.errors import BadSetting
from diptych.request_fields import options_of
from diptych.web.forms import FormFields, form_of
from diptych.web.guards import reading
from diptych.web.refusals import refuse
from diptych.web.schemas import Hit, ServiceOf, kind_of, sent_picture, thumbnail_url
from diptych.web.service import Service

ROUTER = reading()
ROUTERS = (ROUTER,)


class SearchAnswer(BaseModel):
    """The results of a search."""

    collection: str
    total: int | None
    """The number of items searched."""
    exact: bool
    """Whether these are guaranteed to be the best hits; otherwise they come from an approximate index."""
    hits: list[Hit]
    attribution: str
    """The credit that must be shown with the pictures."""
    unknown_words: float | None
    """The share of the query's words that the model does not know."""
    seconds: float


class SimilarityAnswer(BaseModel):
    """The similarity of a text and a picture."""

    model: str
    similarities: dict[str, float]
    """The similarity in each space."""
    similarity: float | None
    """The similarity that a search for the text would give the picture in the collection; null if undefined."""
    seconds: float


@ROUTER.post("/search", tags=["search"], summary="Search by a text, a picture, another item, or a combination")
async def search(
    request: Request,
    service: ServiceOf,
    collection: Annotated[str, Form(description="The collection's name.")],
    fields: Annotated[FormFields, Depends(form_of(SearchRequest))],
) -> SearchAnswer:
    """Return the hits, best first. Similarities are normalised over all items, whatever the filter."""
    start = time.perf_counter()
    served, image = service.collection(collection), fields.pop("image")
    _check_bounds(service, fields["k"], fields["offset"], fields["without"])
    if service.log_queries:
        request.state.query = {
            each.wire: fields[each.name] for each in options_of(SearchRequest) if each.name in fields
        }
    async with AsyncExitStack() as files:
        data = await sent_picture(image)
        picture = None if data is None else await files.enter_async_context(service.picture_file(data))
        results = await service.search(served, SearchRequest(image=picture, **fields))
    return SearchAnswer(
        collection=collection,
        total=results.total,
        exact=results.exact,
        hits=_hits(results, collection, fields["offset"]),
        attribution=results.attribution,
        unknown_words=results.unknown_words,
        seconds=round(time.perf_counter() - start, 6),
    )


@ROUTER.post("/similarity", tags=["search"], summary="Compute the similarity of a text and a picture")
async def similarity(
    service: ServiceOf,
    text: Annotated[str, Form()],
    image: Annotated[UploadFile, File()],
    collection: Annotated[str | None, Form(description="Use this collection's model and items.")] = None,
    model: Annotated[str | None, Form(description="Use this model.")] = None,
    fusion: Annotated[str | None, Form(description="Fuse the spaces with this rule.")] = None,
) -> SimilarityAnswer:
    """Return the similarity in each space, and the fused one if a collection is given to normalise over."""
    start = time.perf_counter()
    if (collection is None) == (model is None):
        raise BadSetting("name either a collection or a model.")
    served = service.collection(collection) if collection is not None else None
    view = await service.in_thread(served.view) if served else None
    chosen = view.model if view else _model(service, str(model))
    service.check_text(text)
    async with service.picture_file(await image.read()) as file:
        contents = contents_of(SearchRequest(text, image=file))
        seen, said = [await service.encode(chosen, side, item) for side, item in contents]
    spaces = _similarities(chosen, said, seen)
    fused: float | None = next(iter(spaces.values())) if len(spaces) == 1 else None
    if served and view and len(spaces) > 1:
        visual, textual = spaces.values()
        fuse = served.collection.fused
        fused = await service.in_thread(fuse, said, (visual, textual), fusion=fusion, record=view.record)
    seconds = round(time.perf_counter() - start, 6)
    return SimilarityAnswer(model=chosen.name, similarities=spaces, similarity=fused, seconds=seconds)


def _model(service: Service, name: str) -> EmbeddingModel:
    if name not in service.models:
        raise refuse(404, f"there is no model {name!r}. Served models: {', '.join(service.models) or 'none'}.")
    return service.models[name]


def _similarities(model: EmbeddingModel, text: np.ndarray, image: np.ndarray) -> dict[str, float]:
    pairs = zip(model.method.spaces, model.whole(text[None]), model.whole(image[None]), strict=True)
    return {name: float(said[0] @ seen[0]) for name, said, seen in pairs}


def _check_bounds(service: Service, k: int, offset: int, without: list[str]) -> None:
    limits = service.limits
    if k > limits.hits or offset + k > limits.depth:
        raise BadSetting(
            f"k may be at most {limits.hits:,} and k + offset at most {limits.depth:,}; got k {k} and "
            f"offset {offset}. Request fewer hits."
        )
    if len(without) > limits.unwanted:
        raise BadSetting(f"at most {limits.unwanted} texts can be excluded; got {len(without)}. Name fewer.")


def _hits(results: Results, collection: str, offset: int) -> list[Hit]:
    return [
        Hit(
            rank=rank,
            id=hit.id,
            similarity=hit.similarity,
            similarities=dict(hit.spaces),
            kind=kind_of(hit.image, hit.texts),
            text=hit.texts[0] if hit.texts else None,
            texts=list(hit.texts),
            categories=list(hit.categories),
            columns=dict(hit.metadata),
            thumbnail=thumbnail_url(collection, hit.id) if hit.image else None,
        )
        for rank, hit in enumerate(results.hits, start=offset + 1)
    ]
