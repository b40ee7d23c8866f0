"""Building the approximate index of a large table, and finding the least effort that keeps the promised recall.

Recall (`diptych.search.recall`) is measured on queries that the index was not built from: vectors of the items'
other side where there are some, else points between two items of the same side. Where no effort reaches the recall
promised, or the collection's fusion ranks items and no index can serve it, all items are scanned, which `stats` shows.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from diptych.fusion.contract import FusionRule
from diptych.index.contract import Table
from diptych.index.items import SIDES, Side
from diptych.progress import Progress
from diptych.search.recall import FIRST, exact_answers
from diptych.search.searcher import Searcher, SpaceVectors


def tune(
    table: Table,
    rule: FusionRule | None,
    record: Mapping[str, Any],
    *,
    queries: Callable[[Side], SpaceVectors],
    searcher: Searcher,
    moment: Callable[[], AbstractContextManager[None]],
    progress: Progress,
) -> dict[str, dict[str, Any]]:
    """Build the index of each side above the exact limit, and return the effort chosen and the recall measured.

    `queries` returns vectors to search a side with; they are drawn and searched in a `moment` of the table's store.
    """
    large = [side for side in SIDES if table.count(side=side) > record["exact_limit"]]
    tuned: dict[str, dict[str, Any]] = {}
    for done, side in enumerate(large):
        progress(done, len(large), "indices: building")
        table.build_index(side)
        if table.indexed(side):
            with moment():
                tuned[side] = _tuned(table, side, rule, record, queries, searcher)
        progress(done + 1, len(large), "indices: tuned")
    return tuned


def _tuned(
    table: Table,
    side: Side,
    rule: FusionRule | None,
    record: Mapping[str, Any],
    drawn: Callable[[Side], SpaceVectors],
    searcher: Searcher,
) -> dict[str, Any]:
    if rule is not None and rule.wants is None:
        return {"queries": 0, "items": table.count(side=side), "effort": None, "recall": None}
    queries = drawn(side)
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
