"""Building the approximate index of a large table, and finding the least effort that keeps the promised recall.

Recall (`diptych.collection.recall`) is measured on queries that the index was not built from: vectors of the items'
other side where there are some, else points between two items of the same side. Where no effort reaches the recall
promised, or the collection's fusion ranks items and no index can serve it, all items are scanned, which `stats` shows.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from jaxtyping import Float32

from diptych.collection.model import Model
from diptych.collection.recall import FIRST, exact_answers
from diptych.collection.searching import Searcher
from diptych.index.contract import Table
from diptych.index.items import SIDES, Side
from diptych.progress import Progress

QUERIES = 64
SEED = 0


def tune(
    table: Table,
    model: Model,
    record: Mapping[str, Any],
    *,
    searcher: Searcher,
    moment: Callable[[], AbstractContextManager[None]],
    progress: Progress,
) -> dict[str, dict[str, Any]]:
    """Build the index of each side above the exact limit, and return the effort chosen and the recall measured.

    The queries are asked in a `moment` of the table's store.
    """
    large = [side for side in SIDES if table.count(side=side) > record["exact_limit"]]
    tuned: dict[str, dict[str, Any]] = {}
    for done, side in enumerate(large):
        progress(done, len(large), "indices: building")
        table.build_index(side)
        if table.indexed(side):
            with moment():
                tuned[side] = _tuned(table, side, model, record, searcher)
        progress(done + 1, len(large), "indices: tuned")
    return tuned


def _tuned(table: Table, side: Side, model: Model, record: Mapping[str, Any], searcher: Searcher) -> dict[str, Any]:
    rule = model.rule()
    if rule is not None and rule.wants is None:
        return {"queries": 0, "items": table.count(side=side), "effort": None, "recall": None}
    queries = model.split(side, held_out(table, side, model))
    answers = exact_answers(table, side, queries, rule)
    found = {"queries": len(answers), "items": table.count(side=side)}
    recall = 0.0
    for effort in table.efforts:
        trial = {**record, "tuned": {side: {"effort": effort, "recall": None}}}
        best = searcher.best(table, side, queries, rule, k=FIRST, where=None, record=trial).best
        recall = float(np.mean([answer.recall(one) for answer, one in zip(answers, best, strict=True)]))
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
