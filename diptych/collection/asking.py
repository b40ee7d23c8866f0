"""Many searches of one collection at a time: what they have in common is read, scanned and looked up once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from diptych.collection.model import Model
from diptych.collection.queries import Known, Query
from diptych.collection.records import CollectionRecord
from diptych.data.addresses import picture_at
from diptych.data.entries import ATTRIBUTION
from diptych.errors import BadSetting, DiptychError
from diptych.index.contract import Table
from diptych.index.filters import parse
from diptych.index.items import Items, Side
from diptych.results import Hit, Results
from diptych.search.searcher import Found, Searcher


@dataclass(frozen=True)
class Ask:
    """A query, and which part of its answer is wanted."""

    query: Query
    k: int = 10
    offset: int = 0
    where: str | None = None
    fusion: str | None = None

    def __post_init__(self) -> None:
        if self.k < 1 or self.offset < 0:
            raise BadSetting(f"k must be at least 1 and offset at least 0; got {self.k} and {self.offset}.")

    @property
    def depth(self) -> int:
        """How many of the best items must be known: an item asked for by its id leaves the answer."""
        return self.offset + self.k + (self.query.like is not None)


@dataclass(frozen=True)
class Asked:
    """What searches are answered from."""

    table: Table
    model: Model
    searcher: Searcher
    record: CollectionRecord


Group = tuple[Side, str | None, str | None]
"""Searches against the same side, by the same fusion and with the same filter share a scan."""


def answers(asks: Sequence[Ask], of: Asked, known: Known) -> list[Results | DiptychError]:
    """Return each search's results, or the error that says why it has none; `known` are vectors made before."""
    answered: dict[int, Results | DiptychError] = {}
    vectors: dict[int, np.ndarray] = {}
    groups: dict[Group, list[int]] = {}
    has = cache(lambda side: of.table.count(side=side) > 0)
    for n, ask in enumerate(asks):
        try:
            vectors[n] = ask.query.vector(of.model, of.table, known)
            groups.setdefault((ask.query.side(has), ask.fusion, ask.where), []).append(n)
        except DiptychError as error:
            answered[n] = error
    for group, members in groups.items():
        try:
            found = _found(group, np.stack([vectors[n] for n in members]), max(asks[n].depth for n in members), of)
        except DiptychError as error:
            answered |= dict.fromkeys(members, error)
            continue
        results = _results([asks[n] for n in members], found, of)
        answered |= dict(zip(members, results, strict=True))
    return [answered[n] for n in range(len(asks))]


def _found(group: Group, vectors: np.ndarray, depth: int, of: Asked) -> Found:
    side, fusion, where = group
    condition = parse(where, of.table.columns()) if where else None
    spaces = of.model.split(side, vectors)
    rule, promise = of.model.rule(fusion), of.record.promise
    return of.searcher.best(of.table, side, spaces, rule, k=depth, where=condition, promise=promise)


def _results(asks: Sequence[Ask], found: Found, of: Asked) -> list[Results]:
    """Return the part of the found items that each search wants, with what the items hold."""
    chosen = [
        [n for n, identity in enumerate(best.ids) if identity != ask.query.like][ask.offset : ask.offset + ask.k]
        for ask, best in zip(asks, found.best, strict=True)
    ]
    wanted = dict.fromkeys(best.ids[n] for best, order in zip(found.best, chosen, strict=True) for n in order)
    items = of.table.read(list(wanted))
    rows = {identity: row for row, identity in enumerate(items.ids)}
    results = []
    for ask, best, order in zip(asks, found.best, chosen, strict=True):
        names = of.model.method.spaces
        each = {n: {name: float(space[n]) for name, space in zip(names, best.similarities, strict=True)} for n in order}
        # an item may have been removed since it was found
        there = [n for n in order if best.ids[n] in rows]
        hits = tuple(_hit(items, rows[best.ids[n]], float(best.fused[n]), each[n]) for n in there)
        metadata = [items.metadata[rows[best.ids[n]]] for n in there]
        shown = dict.fromkeys(str(each[ATTRIBUTION]) for each in metadata if ATTRIBUTION in each)
        text = ask.query.text
        unknown = of.model.encoder("text").unknown_share([text]) if text else None
        results.append(Results(ask.query.title, hits, " ".join(shown), unknown, found.exact, found.total))
    return results


def _hit(items: Items, row: int, fused: float, spaces: Mapping[str, float]) -> Hit:
    image = items.images[row]
    metadata = {name: value for name, value in items.metadata[row].items() if name != ATTRIBUTION}
    category = metadata.pop("category", ())
    categories = (category,) if isinstance(category, str) else tuple(category) if isinstance(category, tuple) else ()
    picture = picture_at(image) if image else None
    return Hit(items.ids[row], fused, spaces, picture, items.texts[row], categories, metadata)
