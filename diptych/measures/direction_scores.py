"""The scores of one direction of retrieval, computed a block of queries at a time."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from math import isnan

import numpy as np
from jaxtyping import Float, Int

from diptych.errors import ShapeMismatch
from diptych.measures import partners, precision_recall, ranking
from diptych.measures.judgements import Judgements

FIRST = 10
"""Number of results stored for each query."""
CURVE_POINTS = 101
"""Number of recall levels at which each query's precision is stored."""

Similarity = Callable[[int, int], Float[np.ndarray, "b g"]]
"""Returns the similarities of the queries from `start` to `stop` with the whole gallery."""


@dataclass(frozen=True)
class Scores:
    """The metrics of each query in one direction, in query order; NaN for queries without relevant items.

    The first five and the curve use relevance by category (by partner without categories), `rank` by partner.
    """

    ap: Float[np.ndarray, " q"]
    """Average precision over all results."""
    ap_at_50: Float[np.ndarray, " q"]
    """Average precision over the first 50 results."""
    precision_at_10: Float[np.ndarray, " q"]
    """Share of relevant items among the first 10 results."""
    ndcg_at_10: Float[np.ndarray, " q"]
    """Normalised discounted cumulative gain of the first 10 results."""
    r_precision: Float[np.ndarray, " q"]
    """Share of relevant items among the first R results, for R relevant items."""
    rank: Float[np.ndarray, " q"]
    """Rank of the best partner, counted from 1."""
    curve: Float[np.ndarray, "q 101"]
    """Interpolated precision at the recalls 0, .01, ..., 1."""
    first: Int[np.ndarray, "q k"]
    """Gallery indices of the first ten results."""

    def __len__(self) -> int:
        return len(self.ap)

    def summary(self) -> dict[str, float | None]:
        """Return the metrics of this direction by their names in reports; None if no query has relevant items."""
        figures = {
            "map": ranking.mean_over_judged(self.ap),
            "map@50": ranking.mean_over_judged(self.ap_at_50),
            "p@10": ranking.mean_over_judged(self.precision_at_10),
            "ndcg@10": ranking.mean_over_judged(self.ndcg_at_10),
            **{f"r@{k}": partners.recall_at(self.rank, k=k) for k in partners.RECALL_RANKS},
            "median_rank": partners.median_rank(self.rank),
        }
        return {name: None if isnan(figure) else figure for name, figure in figures.items()}

    def mean_curve(self) -> Float[np.ndarray, " 101"]:
        """Return the mean precision at the recalls 0, .01, ..., 1."""
        return precision_recall.mean_curve(self.curve)


def score_direction(similarity: Similarity, judgements: Judgements) -> Scores:
    """Return the scores of all queries, computing similarities one block of queries at a time.

    The full matrix is never formed: 40,000 queries over 40,000 items are ranked in 1,600 blocks of 25.
    """
    blocks = [_score_block(similarity(start, stop), judgements, start, stop) for start, stop in judgements.spans()]
    if not blocks:
        raise ShapeMismatch("there must be at least one query to score; got none. Choose a split that has items.")
    return Scores(**{f.name: np.concatenate([getattr(block, f.name) for block in blocks]) for f in fields(Scores)})


def score_matrix(similarity: Float[np.ndarray, "q g"], judgements: Judgements) -> Scores:
    """Return the scores of all queries from the full similarity matrix."""
    return score_direction(lambda start, stop: similarity[start:stop], judgements)


def _score_block(similarity: Float[np.ndarray, "b g"], judgements: Judgements, start: int, stop: int) -> Scores:
    if similarity.shape != (stop - start, judgements.gallery):
        raise ShapeMismatch(
            f"similarities of queries {start} to {stop} must be {(stop - start, judgements.gallery)}, rows being "
            f"queries and columns the gallery; got {similarity.shape}."
        )
    positions = ranking.order(similarity)
    ranks = ranking.relevant_ranks(positions, judgements.relevant(start, stop))
    return Scores(
        ap=ranking.average_precision(ranks),
        ap_at_50=ranking.average_precision(ranks, k=50),
        precision_at_10=ranking.precision(ranks, k=10),
        ndcg_at_10=ranking.ndcg(ranks, k=10),
        r_precision=ranking.r_precision(ranks),
        rank=partners.partner_rank(ranking.relevant_ranks(positions, judgements.partners(start, stop))),
        curve=precision_recall.precision_at_recall(ranks, points=CURVE_POINTS),
        first=positions[:, :FIRST].copy(),  # a view would keep the whole ranking in memory
    )
