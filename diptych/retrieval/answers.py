"""Answers many embedded search requests at once: requests that share a scan or an item read it only once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

import numpy as np
from jaxtyping import Float32

from diptych.data.addresses import picture_at
from diptych.data.entries import ATTRIBUTION
from diptych.data.queries import query_picture
from diptych.errors import DiptychError
from diptych.index.conditions import ID, Condition, Membership
from diptych.index.contract import Table
from diptych.index.filters import parse
from diptych.index.items import Items
from diptych.modality import MODALITIES, Modality
from diptych.results import Hit, Results
from diptych.retrieval.embedding_model import EmbeddingModel
from diptych.retrieval.requests import Vector
from diptych.retrieval.word_ranking import pool, with_words
from diptych.search.promise import SearchPromise
from diptych.search.scan import Best
from diptych.search.searcher import RankedItems, Searcher, SpaceVectors
from diptych.search_request import SearchRequest


@dataclass(frozen=True)
class Snapshot:
    """Items in a table, the model that embeds them, and the way to search them."""

    table: Table
    model: EmbeddingModel
    searcher: Searcher
    promise: SearchPromise


Group = tuple[Modality, str | None, str | None]
"""Side, fusion and filter: requests that agree in all three share a scan."""


def search(
    requests: Sequence[SearchRequest], vectors: Sequence[Vector | DiptychError], state: Snapshot
) -> list[Results | DiptychError]:
    """Return the results of each request from its vector, or the error that says why there are none."""
    answers: dict[int, Results | DiptychError] = {}
    groups: dict[Group, dict[int, Vector]] = {}
    has = cache(lambda side: state.table.count(side=side) > 0)
    for n, (request, vector) in enumerate(zip(requests, vectors, strict=True)):
        try:
            if isinstance(vector, DiptychError):
                raise vector
            groups.setdefault((compared_side(request, has), request.fusion, request.where), {})[n] = vector
        except DiptychError as error:
            answers[n] = error
    for group, members in groups.items():
        chosen = [requests[n] for n in members]
        try:
            ranked = _ranked(group, chosen, np.stack(list(members.values())), state)
        except DiptychError as error:
            answers |= dict.fromkeys(members, error)
        else:
            answers |= zip(members, _results(chosen, ranked, state), strict=True)
    return [answers[n] for n in range(len(requests))]


def compared_side(request: SearchRequest, has: Callable[[Modality], bool]) -> Modality:
    """Return the side of the items that a request is compared with: the other one if no item `has` the usual one."""
    if request.against:
        return cast("Modality", request.against)
    usual: Modality = "text" if request.image is not None and request.text is None and request.like is None else "image"
    other = MODALITIES[1 - MODALITIES.index(usual)]
    return usual if has(usual) or not has(other) else other


def _ranked(
    group: Group, requests: Sequence[SearchRequest], vectors: Float32[np.ndarray, "q d"], state: Snapshot
) -> RankedItems:
    """Return the best items for a group, as many as its deepest request needs."""
    side, fusion, where = group
    condition = parse(where, state.table.columns()) if where else None
    spaces, rule = state.model.split(side, vectors), state.model.rule(fusion)
    depths = [_depth(request) for request in requests]

    def ranked(queries: SpaceVectors, where: Condition | None, k: int) -> RankedItems:
        return state.searcher.best(state.table, side, queries, rule, k=k, where=where, promise=state.promise)

    def worded(n: int, best: Best) -> Best:
        """Return the ranking of a request fused with that by words, if it asks for it."""
        request, own = requests[n], tuple(space[n : n + 1] for space in spaces)
        if not request.words or request.text is None:
            return best
        matching = state.table.matching(request.text, side, k=depths[n], where=condition)
        return with_words(
            best.at(range(min(depths[n], len(best.ids)))),
            matching,
            request.words,
            scored=lambda ids: ranked(own, Membership(ID, tuple(ids)), len(ids)).best[0],
        )

    found = ranked(spaces, condition, max(depths))
    return replace(found, best=[worded(n, best) for n, best in enumerate(found.best)])


def _depth(request: SearchRequest) -> int:
    """Return how many of the best items a request needs."""
    # the item that a request names in `like` is removed from its answer
    depth = request.offset + request.k + (request.like is not None)
    return pool(depth) if request.words else depth


def _page(request: SearchRequest, best: Best) -> Best:
    """Return the page of the ranking that a request asks for."""
    rows = [n for n, identity in enumerate(best.ids) if identity != request.like]
    rows = rows[request.offset : request.offset + request.k]
    return best.at(rows)


def _results(requests: Sequence[SearchRequest], ranked: RankedItems, state: Snapshot) -> list[Results]:
    """Return each request's page of the ranking, with the contents of its items."""
    pages = [_page(request, best) for request, best in zip(requests, ranked.best, strict=True)]
    items = state.table.read(list(dict.fromkeys(identity for page in pages for identity in page.ids)))
    rows = {identity: row for row, identity in enumerate(items.ids)}
    results = []
    for request, page in zip(requests, pages, strict=True):
        each_space = zip(*(space.tolist() for space in page.similarities), strict=True)
        spaces = [dict(zip(state.model.method.spaces, each, strict=True)) for each in each_space]
        # an item may have been removed since it was ranked
        there = [(n, rows[identity]) for n, identity in enumerate(page.ids) if identity in rows]
        hits = tuple(_hit(items, row, float(page.fused[n]), spaces[n]) for n, row in there)
        metadata = [items.metadata[row] for _, row in there]
        attributions = dict.fromkeys(str(each[ATTRIBUTION]) for each in metadata if ATTRIBUTION in each)
        unknown = state.model.encoder("text").unknown_share([request.text]) if request.text else None
        query = request.title if isinstance(request.title, str) else query_picture(request.title)
        results.append(Results(query, hits, " ".join(attributions), unknown, ranked.exact, ranked.total))
    return results


def _hit(items: Items, row: int, fused: float, spaces: Mapping[str, float]) -> Hit:
    image = items.images[row]
    metadata = {name: value for name, value in items.metadata[row].items() if name != ATTRIBUTION}
    category = metadata.pop("category", ())
    categories = (category,) if isinstance(category, str) else tuple(category) if isinstance(category, tuple) else ()
    picture = picture_at(image) if image else None
    return Hit(items.ids[row], fused, spaces, picture, items.texts[row], categories, metadata)
