"""Building the approximate index of a large table, and finding the least effort that keeps the promised recall.

Recall is the share of the exact first ten that an approximate search returns, measured on queries that the index was
not built from: vectors of the items' other side where there are some, else points between two items of the same side.
Where no effort reaches the recall promised, the table is searched exactly, which `stats` shows.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64

from diptych.collection.model import Model
from diptych.collection.searching import Searcher, SpaceVectors
from diptych.fusion.contract import FusionRule
from diptych.index.contract import Table
from diptych.index.items import SIDES, Side
from diptych.progress import Progress

QUERIES = 64
FIRST = 10
"""So many first hits are compared."""
SEED = 0


def tune(
    table: Table, model: Model, record: Mapping[str, Any], *, searcher: Searcher, progress: Progress
) -> dict[str, dict[str, Any]]:
    """Build the index of each side above the exact limit, and return the effort chosen and the recall measured."""
    large = [side for side in SIDES if table.count(side=side) > record["exact_limit"]]
    tuned: dict[str, dict[str, Any]] = {}
    for done, side in enumerate(large):
        progress(done, len(large), "indices: building")
        table.build_index(side)
        if table.indexed(side):
            tuned[side] = _tuned(table, side, model, record, searcher)
        progress(done + 1, len(large), "indices: tuned")
    return tuned


def _tuned(table: Table, side: Side, model: Model, record: Mapping[str, Any], searcher: Searcher) -> dict[str, Any]:
    queries = model.split(side, held_out(table, side, model))
    rule = model.rule()
    thresholds = exact_thresholds(table, side, queries, rule)
    found = {"queries": len(thresholds), "items": table.count(side=side)}
    recall = 0.0
    for effort in table.efforts:
        trial = {**record, "tuned": {side: {"effort": effort, "recall": None}}}
        hits = []
        for row, threshold in enumerate(thresholds):
            query = tuple(space[row : row + 1] for space in queries)
            best = searcher.best(table, side, query, rule, k=FIRST, where=None, record=trial).best[0]
            hits.append(float((best.fused >= threshold - 1e-9).sum()) / min(FIRST, found["items"]))
        recall = float(np.mean(hits))
        if recall >= record["recall"]:
            return {**found, "effort": effort, "recall": recall}
    return {**found, "effort": None, "recall": recall}


def held_out(table: Table, side: Side, model: Model) -> Float32[np.ndarray, "q d"]:
    """Return vectors to try queries with: the other side's, else points between two items of this side."""
    draw = np.random.default_rng(SEED)
    other = SIDES[1 - SIDES.index(side)]
    if ids := table.ids(side=other):
        chosen = draw.choice(len(ids), min(QUERIES, len(ids)), replace=False)
        stored = table.read([ids[k] for k in chosen], vectors=(other,)).vectors[other].rows
        return model.kept.restored(other, stored)
    ids = table.ids(side=side)
    pairs = draw.choice(len(ids), (2, QUERIES))
    first, second = (table.read([ids[k] for k in row], vectors=(side,)).vectors[side].rows for row in pairs)
    return model.kept.restored(side, ((first + second) / 2).astype(np.float32))


def exact_thresholds(
    table: Table, side: Side, queries: SpaceVectors, rule: FusionRule | None
) -> Float64[np.ndarray, " q"]:
    """Return the fused similarity of each query's tenth item, all items of the side being looked at."""
    ends = np.cumsum([space.shape[1] for space in queries])[:-1]
    columns: list[list[Float64[np.ndarray, "q b"]]] = [[] for _ in queries]
    for _, rows in table.blocks(side):
        for column, query, block in zip(columns, queries, np.split(rows, ends, axis=1), strict=True):
            column.append(query.astype(np.float64) @ block.astype(np.float64).T)
    spaces = [np.concatenate(column, axis=1) for column in columns]
    modality = SIDES[1 - SIDES.index(side)]
    fused = spaces[0] if rule is None else rule.fuse(spaces[0], spaces[1], queries=modality)
    place = min(FIRST, fused.shape[1])
    thresholds: Float64[np.ndarray, " q"] = np.partition(fused, -place, axis=1)[:, -place]
    return thresholds
