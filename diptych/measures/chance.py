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
