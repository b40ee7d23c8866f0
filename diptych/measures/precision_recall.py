"""Precision-recall curves."""

import numpy as np
from jaxtyping import Float

from diptych.measures.ranking import RelevantRanks, mean_over_judged


def recall_levels(points: int) -> Float[np.ndarray, " k"]:
    """Return the recall levels of a curve with that many points, evenly spaced from 0 to 1.

    >>> recall_levels(5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    return np.linspace(0, 1, points)


def precision_at_recall(ranks: RelevantRanks, *, points: int = 11) -> Float[np.ndarray, "q k"]:
    """Return each query's interpolated precision at `points` levels of recall (11 and 101 are customary).

    p(ρ) = the largest precision at any rank where the recall is at least ρ

    A curve never rises. A query without relevant items gets a row of NaN.
    """
    best = _best_precision_from_here(ranks)
    judged = ranks.relevant > 0
    first = np.cumsum(ranks.relevant) - ranks.relevant
    # index of the relevant item that reaches the recall level j / (points - 1), by integer ceiling
    needed = -(-np.arange(points) * ranks.relevant[judged, None] // (points - 1))
    curves = np.full((len(ranks.relevant), points), np.nan)
    curves[judged] = best[first[judged, None] + np.maximum(needed, 1) - 1]
    return curves


def mean_curve(curves: Float[np.ndarray, "q k"]) -> Float[np.ndarray, " k"]:
    """Return the mean precision at each level over the queries that have a curve."""
    return np.array([mean_over_judged(level) for level in curves.T])


def _best_precision_from_here(ranks: RelevantRanks) -> Float[np.ndarray, " h"]:
    """Return, at each relevant rank, the largest precision there or at any later rank of the same query."""
    # precision is in (0, 1]: adding the number of earlier queries separates queries in one running maximum
    lifted = ranks.nth / ranks.rank - 2 * ranks.query
    best: Float[np.ndarray, " h"] = np.maximum.accumulate(lifted[::-1])[::-1] + 2 * ranks.query
    return best
