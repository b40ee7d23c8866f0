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
"""How many of each query's results are kept."""
CURVE_POINTS = 101
"""At how many levels of recall each query's precision is kept."""

Similarity = Callable[[int, int], Float[np.ndarray, "b g"]]
"""Return the similarities of the queries from `start` to `stop` with the whole gallery."""


@dataclass(frozen=True)
class Scores:
    """How well each query of one direction was answered, in the order of the queries; NaN where nothing is right.

    The first five and the curve judge by category (by partner where there are no categories), `rank` by partner.
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
    """Share of relevant items among as many results as there are relevant items."""
    rank: Float[np.ndarray, " q"]
    """Place of the best partner, counted from 1."""
    curve: Float[np.ndarray, "q 101"]
    """Interpolated precision at the recalls 0, .01, ..., 1."""
    first: Int[np.ndarray, "q k"]
    """Positions in the gallery of the first ten results."""

    def __len__(self) -> int:
        return len(self.ap)

    def summary(self) -> dict[str, float | None]:
        """Return the figures of this direction under the names that reports use; None where no query can be judged."""
        figures = {
            "map": ranking.mean_over_judged(self.ap),
            "map@50": ranking.mean_over_judged(self.ap_at_50),
            "p@10": ranking.mean_over_judged(self.precision_at_10),
            **{f"r@{k}": partners.recall_at(self.rank, k=k) for k in (1, 5, 10)},
            "median_rank": partners.median_rank(self.rank),
        }
        return {name: None if isnan(figure) else figure for name, figure in figures.items()}

    def mean_curve(self) -> Float[np.ndarray, " 101"]:
        """Return the mean precision at the recalls 0, .01, ..., 1."""
        return precision_recall.mean_curve(self.curve)


def score_direction(similarity: Similarity, judgements: Judgements) -> Scores:
    """Return the scores of all queries, asking for the similarities of a block of them at a time.

    The full matrix never exists: 40,000 queries over 40,000 items are ranked in 1,600 blocks of 25.
    """
    blocks = [_score_block(similarity(start, stop), judgements, start, stop) for start, stop in judgements.spans()]
    if not blocks:
        raise ShapeMismatch("there must be at least one query to score; got none. Choose a split that has items.")
    return Scores(**{f.name: np.concatenate([getattr(block, f.name) for block in blocks]) for f in fields(Scores)})


def score_matrix(similarity: Float[np.ndarray, "q g"], judgements: Judgements) -> Scores:
    """Return the scores of all queries from their whole matrix of similarities."""
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
