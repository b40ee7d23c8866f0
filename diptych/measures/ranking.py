"""Metrics of a ranking by category: average precision, precision, nDCG and R-precision, one value per query.

A block of similarities is sorted once (`order`) and reduced to the ranks of relevant items (`relevant_ranks`); every
metric is a short sum over those ranks. A query without relevant items gets NaN, and `mean_over_judged` excludes it.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from diptych.errors import BadFeature


@dataclass(frozen=True)
class RelevantRanks:
    """The ranks of the relevant items of queries, one entry per relevant item, by query and then by rank."""

    query: Integer[np.ndarray, " h"]
    """The query's row."""
    rank: Integer[np.ndarray, " h"]
    """Rank, counted from 1."""
    nth: Integer[np.ndarray, " h"]
    """Number of relevant items at this rank or before."""
    relevant: Integer[np.ndarray, " q"]
    """Number of relevant items of each query."""

    def share(
        self, values: Float[np.ndarray, " h"], of: Integer[np.ndarray, " q"] | Float[np.ndarray, " q"]
    ) -> Float[np.ndarray, " q"]:
        """Return the sum of each query's `values` divided by `of`; NaN for a query without relevant items."""
        totals = np.bincount(self.query, weights=values, minlength=len(self.relevant))
        shares = np.full(len(self.relevant), np.nan)
        np.divide(totals, of, out=shares, where=self.relevant > 0)
        return shares


def order(similarity: Float[np.ndarray, "q g"]) -> Int[np.ndarray, "q g"]:
    """Return each query's gallery indices by decreasing similarity; ties keep gallery order.

    Infinities are allowed: an item with similarity -inf comes last. NaN raises `BadFeature`.

    >>> order(np.array([[0.1, 0.7, 0.1]])).tolist()
    [[1, 0, 2]]
    """
    if len(rows := np.flatnonzero(np.isnan(similarity).any(axis=1))):
        raise BadFeature(
            f"similarities must be numbers to be ranked; {len(rows)} of {len(similarity)} queries have NaN, the first "
            f"is number {rows[0]} of its block. Look for zero or infinite vectors on either side."
        )
    if similarity.dtype == np.float32:
        return _order_by_keys(similarity)
    return np.argsort(-similarity, axis=1, kind="stable")


def relevant_ranks(positions: Int[np.ndarray, "q g"], relevant: Bool[np.ndarray, "q g"]) -> RelevantRanks:
    """Return the ranks of the relevant items in rankings from `order`."""
    query, column = np.nonzero(np.take_along_axis(relevant, positions, axis=1))
    counts = np.bincount(query, minlength=len(relevant))
    before = np.cumsum(counts) - counts
    return RelevantRanks(query, column + 1, np.arange(len(query)) - before[query] + 1, counts)


def average_precision(ranks: RelevantRanks, *, k: int | None = None) -> Float[np.ndarray, " q"]:
    """Return the average precision over all results, or over the first `k`.

    AP   = 1/R Σ_{relevant ranks j} (relevant items among the first j) / j
    AP@k = the same sum over ranks j ≤ k, divided by min(k, R): a ranking that starts with relevant items only has 1.

    Differs: trec_eval divides AP@k by R, and some authors by the relevant items among the first k.
    """
    precision = ranks.nth / ranks.rank
    if k is None:
        return ranks.share(precision, ranks.relevant)
    return ranks.share(precision * (ranks.rank <= k), np.minimum(ranks.relevant, k))


def precision(ranks: RelevantRanks, *, k: int) -> Float[np.ndarray, " q"]:
    """Return the share of relevant items among the first `k` ranks; missing ranks count as misses."""
    return ranks.share((ranks.rank <= k).astype(float), np.full(len(ranks.relevant), k))


def r_precision(ranks: RelevantRanks) -> Float[np.ndarray, " q"]:
    """Return the share of relevant items among the first R ranks, where R is their number."""
    return ranks.share((ranks.rank <= ranks.relevant[ranks.query]).astype(float), ranks.relevant)


def ndcg(ranks: RelevantRanks, *, k: int) -> Float[np.ndarray, " q"]:
    """Return the normalised discounted cumulative gain of the first `k` ranks, with binary relevance.

    nDCG@k = Σ_{relevant ranks j ≤ k} 1/log2(j+1)  /  Σ_{j ≤ min(k, R)} 1/log2(j+1)
    """
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(1, k + 1) + 1))])
    return ranks.share((ranks.rank <= k) / np.log2(ranks.rank + 1), ideal[np.minimum(ranks.relevant, k)])


def mean_over_judged(values: Float[np.ndarray, " q"]) -> float:
    """Return the mean over the queries with a value; NaN if there are none."""
    judged = values[~np.isnan(values)]
    return float(judged.mean()) if len(judged) else float("nan")


def _order_by_keys(similarity: Float[np.ndarray, "q g"]) -> Int[np.ndarray, "q g"]:
    """Return the stable descending order of single-precision numbers, at half the cost of a stable sort.

    A number's bits become an unsigned integer that falls as the number grows; with the position in the low half
    no two keys are equal, so any sort is stable.
    """
    bits = (similarity + np.float32(0)).view(np.uint32)  # the sum turns -0 into 0
    falling = np.where(bits >> 31, bits, ~bits & np.uint32(0x7FFFFFFF)).astype(np.uint64)
    keys = (falling << np.uint64(32)) | np.arange(similarity.shape[1], dtype=np.uint64)
    keys.sort(axis=1)
    return (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
