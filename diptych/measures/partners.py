"""Metrics of partner retrieval: whether a picture retrieves its own texts, and a text its own picture.

If an image has several texts, each image is one query with several partners and each text one query with one
partner, as in the evaluations on Flickr30k and MS-COCO:

- the *rank* of a query is the rank, counted from 1, of its best-ranked partner;
- R@k is the share of queries with at least one partner among the first k (not the share of partners retrieved);
- the median rank is taken over queries.

Ties keep gallery order. A constant scorer therefore ranks the partners in gallery order; the pessimistic alternative,
ranking a partner after all its ties, would rank it last. A query without a partner in the gallery has rank NaN and is
excluded from the metrics.
"""

import numpy as np
from jaxtyping import Float

from diptych.measures.ranking import RelevantRanks, mean_over_judged

RECALL_RANKS = (1, 5, 10)
"""The ranks k of R@k in tables."""


def partner_rank(ranks: RelevantRanks) -> Float[np.ndarray, " q"]:
    """Return the rank of each query's best partner, from the ranks of the partners in `found`."""
    best_ranks = np.full(len(ranks.relevant), np.nan)
    best = ranks.nth == 1
    best_ranks[ranks.query[best]] = ranks.rank[best]
    return best_ranks


def recall_at(rank: Float[np.ndarray, " q"], *, k: int) -> float:
    """Return R@k: the share of queries whose best partner is among the first `k`.

    >>> recall_at(np.array([1.0, 3.0, np.nan]), k=1)
    0.5
    """
    return mean_over_judged(np.where(np.isnan(rank), np.nan, rank <= k))


def median_rank(rank: Float[np.ndarray, " q"]) -> float:
    """Return the median rank over the queries with a partner; NaN if there are none."""
    judged = rank[~np.isnan(rank)]
    return float(np.median(judged)) if len(judged) else float("nan")
