"""Expected scores of a random order: the baseline of every metric."""

import numpy as np
from jaxtyping import Float, Integer

from diptych.errors import BadSetting
from diptych.measures.judgements import Judgements
from diptych.measures.ranking import mean_over_judged


def chance_average_precision(relevant: Integer[np.ndarray, " q"], *, gallery: int) -> Float[np.ndarray, " q"]:
    """Return the expected average precision of a uniformly random order, exactly, for each count of relevant items.

    E[AP] = 1/n (H_n + (R-1)/(n-1) (n - H_n)),  H_n = 1 + 1/2 + ... + 1/n

    where R of the n items are relevant: rank k has a relevant item with probability R/n, and each of the k-1 ranks
    before it then has another with probability (R-1)/(n-1). NaN if R is 0.

    >>> chance_average_precision(np.array([1, 2]), gallery=2).tolist()
    [0.75, 1.0]
    """
    if gallery < 1 or (relevant > gallery).any():
        raise BadSetting(f"a gallery of {gallery} cannot hold {relevant.max(initial=1)} relevant items.")
    harmonic = float((1 / np.arange(1, gallery + 1)).sum())
    others = (relevant - 1) / max(gallery - 1, 1)
    return np.where(relevant > 0, (harmonic + others * (gallery - harmonic)) / gallery, np.nan)


def chance_map(judgements: Judgements) -> float:
    """Return the expected MAP of a random order on these queries and this gallery."""
    counts = np.concatenate([judgements.relevant(*span).sum(axis=1) for span in judgements.spans()])
    return mean_over_judged(chance_average_precision(counts, gallery=judgements.gallery))


def chance_recall(partners: Integer[np.ndarray, " q"], *, gallery: int, k: int) -> float:
    """Return the expected R@k of a random order: the mean over queries with a partner of 1 - C(n-m, k) / C(n, k).

    m of the n items of the gallery are a query's partners.

    >>> chance_recall(np.array([1, 2]), gallery=4, k=2)
    0.6666666666666666
    """
    return mean_over_judged(np.where(partners > 0, _reached(partners, gallery)[:, min(k, gallery)], np.nan))


def chance_median_rank(partners: Integer[np.ndarray, " q"], *, gallery: int) -> float:
    """Return the rank of the best partner that a random order reaches for half of the queries, on average.

    >>> chance_median_rank(np.array([1]), gallery=5)
    3.0
    """
    judged = partners[partners > 0]
    if not len(judged):
        return float("nan")
    return float(np.argmax(_reached(judged, gallery).mean(0) >= 0.5 - 1e-9))


def chance_ndcg(relevant: Integer[np.ndarray, " q"], *, gallery: int, k: int) -> float:
    """Return the expected nDCG@k of a random order: each rank holds a relevant item with probability R / n.

    >>> chance_ndcg(np.array([3]), gallery=3, k=10)
    1.0
    """
    gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(1, k + 1) + 1))])
    ideal = gains[np.minimum(relevant, k)]
    expected = relevant / gallery * gains[min(k, gallery)]
    return mean_over_judged(np.divide(expected, ideal, out=np.full(len(relevant), np.nan), where=relevant > 0))


def _reached(partners: Integer[np.ndarray, " q"], gallery: int) -> Float[np.ndarray, "q ranks"]:
    """Return the probability that one of a query's partners is among the first 0, 1, ..., n ranks."""
    ranks = np.arange(gallery)
    missed = np.clip(1 - partners[:, None] / (gallery - ranks), 0, 1).cumprod(1)
    return np.concatenate([np.zeros((len(partners), 1)), 1 - missed], axis=1)
