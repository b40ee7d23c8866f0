"""Builds the approximate index of a large table, and finds the least effort that reaches the promised recall.

Recall (`diptych.search.recall`) is measured on queries that the index was not built from: vectors of the items'
other side if there are any, else points between two items of the same side. If no effort reaches the promised recall,
or if the collection's fusion only ranks items and no index can serve it, all items are scanned, which `stats` shows.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

import numpy as np

from diptych.fusion.contract import FusionRule
from diptych.index.contract import Table
from diptych.modality import MODALITIES, Modality
from diptych.progress import Progress
from diptych.search.promise import SearchPromise, Tuning
from diptych.search.recall import FIRST, exact_answers
from diptych.search.searcher import Searcher, SpaceVectors


def tune(
    table: Table,
    rule: FusionRule | None,
    promise: SearchPromise,
    *,
    queries: Callable[[Modality], SpaceVectors],
    searcher: Searcher,
    moment: Callable[[], AbstractContextManager[None]],
    progress: Progress,
) -> dict[Modality, Tuning]:
    """Build the index of each side above the exact limit, and return the chosen effort and the measured recall.

    `queries` returns vectors to search a side with; they are drawn and searched within one `moment` of the store.
    """
    large = [side for side in MODALITIES if table.count(side=side) > promise.exact_limit]
    tuned: dict[Modality, Tuning] = {}
    for done, side in enumerate(large):
        progress(done, len(large), "indices: building")
        table.build_index(side)
        if table.indexed(side):
            with moment():
                tuned[side] = _tuned(table, side, rule, promise, queries, searcher)
        progress(done + 1, len(large), "indices: tuned")
    return tuned


def _tuned(
    table: Table,
    side: Modality,
    rule: FusionRule | None,
    promise: SearchPromise,
    drawn: Callable[[Modality], SpaceVectors],
    searcher: Searcher,
) -> Tuning:
    if rule is not None and rule.wants is None:
        return Tuning(queries=0, items=table.count(side=side), effort=None, recall=None)
    queries = drawn(side)
    answers = exact_answers(table, side, queries, rule)
    tuning = Tuning(len(answers), table.count(side=side), effort=None, recall=0.0)
    for effort in table.efforts:
        trial = replace(promise, tunings={side: replace(tuning, effort=effort)})
        best = searcher.best(table, side, queries, rule, k=FIRST, where=None, promise=trial).best
        recall = float(np.mean([answer.recall(one) for answer, one in zip(answers, best, strict=True)]))
        tuning = replace(tuning, recall=recall)
        if recall >= promise.recall:
            return replace(tuning, effort=effort)
    return tuning
