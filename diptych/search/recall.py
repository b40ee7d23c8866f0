"""How much of the exact answer an approximate search finds.

Recall is the share of the exact first ten among the ten returned. Whether an item counts is decided by its true fused
similarity F, which ties share, and not by the similarity that the search reported: an approximate search also estimates
the range by which a rule normalises, and every reported F inherits the error of that estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64

from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served, Statistics
from diptych.index.contract import Table
from diptych.modality import Modality
from diptych.search.certified import Best
from diptych.search.moments import Moments
from diptych.search.searcher import SpaceVectors

FIRST = 10
"""How many first hits are compared."""
EQUAL = 1e-9
"""Similarities that differ by at most this share of their size are a tie that rounding broke."""

GallerySimilarities = list[Float64[np.ndarray, "q b"]]
"""The similarities of queries with some items, one array per space."""


@dataclass(frozen=True)
class ExactAnswer:
    """The parts of the exact answer to one query that other answers are judged by."""

    served: Served | None
    """How items are scored; None with a single space, whose similarity is the score."""
    least: float
    """The true score of the last of the first ten."""
    count: int
    """Ten, or the number of items if that is smaller."""

    def recall(self, best: Best) -> float:
        """Return the share of the exact first ten in an answer, whose inner products must be exact."""
        spaces = best.similarities
        scores = spaces[0] if self.served is None else self.served.score(*spaces)
        right = np.count_nonzero(scores >= self.least - EQUAL * abs(self.least))
        return min(float(right) / self.count, 1.0)


def exact_answers(table: Table, side: Modality, queries: SpaceVectors, rule: FusionRule | None) -> list[ExactAnswer]:
    """Return the exact answer to each query, reading all vectors of a side two or three times.

    Little more than one block is in memory at a time. `BadSetting` for a rule that no index of vectors can serve.
    """
    served = _served(table, side, queries, rule)
    count = min(FIRST, table.count(side=side))
    best = np.full((len(served), count), -np.inf)
    for _, rows in table.blocks(side):
        spaces = _similarities(queries, rows)
        scores = [
            spaces[0][query] if one is None else one.score(*(space[query] for space in spaces))
            for query, one in enumerate(served)
        ]
        best = np.partition(np.hstack([best, scores]), -count, axis=1)[:, -count:]
    return [ExactAnswer(one, float(least), count) for one, least in zip(served, best.min(axis=1), strict=True)]


def _served(
    table: Table, side: Modality, queries: SpaceVectors, rule: FusionRule | None
) -> Sequence[Served] | Sequence[None]:
    """Return how each query is served, from the true statistics of its similarities with all items."""
    count = len(queries[0])
    if rule is None:
        return [None] * count
    low, high = np.full((len(queries), count), np.inf), np.full((len(queries), count), -np.inf)
    for _, rows in table.blocks(side):
        spaces = _similarities(queries, rows)
        low = np.minimum(low, [space.min(axis=1) for space in spaces])
        high = np.maximum(high, [space.max(axis=1) for space in spaces])
    widths = [space.shape[1] for space in queries]
    wanted = rule.wants == "moments"
    moments = Moments.of((rows for _, rows in table.blocks(side)), widths) if wanted else [None] * len(queries)

    def statistics(space: int, query: int) -> Statistics:
        ends = float(low[space, query]), float(high[space, query])
        own, vector = moments[space], queries[space][query]
        if own is None:
            return Statistics(*ends)
        return Statistics(*ends, own.mean(vector), own.deviation(vector, equal=lambda: ends[0] >= ends[1]))

    return [rule.served(statistics(0, query), statistics(1, query)) for query in range(count)]


def _similarities(queries: SpaceVectors, rows: Float32[np.ndarray, "b d"]) -> GallerySimilarities:
    """Return true similarities in each space with items whose vectors are stored side by side."""
    ends = np.cumsum([space.shape[1] for space in queries])[:-1]
    blocks = np.split(rows.astype(np.float64), ends, axis=1)
    return [space.astype(np.float64) @ block.T for space, block in zip(queries, blocks, strict=True)]
