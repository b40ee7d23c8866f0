"""Normalise similarities of different spaces to a common scale."""

import numpy as np
from jaxtyping import Float


def min_max(similarity: Float[np.ndarray, "q g"], *, axis: int = 1) -> Float[np.ndarray, "q g"]:
    """Return similarities shifted and scaled to [0, 1] along an axis: by default over the gallery, for each query.

    r = (s - min s) / (max s - min s)

    If all similarities along the axis are equal, r is 0.
    """
    low = similarity.min(axis=axis, keepdims=True)
    return divided(similarity - low, by=similarity.max(axis=axis, keepdims=True) - low)


def z_score(similarity: Float[np.ndarray, "q g"]) -> Float[np.ndarray, "q g"]:
    """Return similarities in standard deviations above their query's mean over the gallery.

    z = (s - mean s) / σ,  σ² = mean (s - mean s)²

    If all similarities of a query are equal, z is 0.
    """
    spread = np.ptp(similarity, axis=1, keepdims=True) > 0
    deviation = np.where(spread, similarity.std(axis=1, keepdims=True), 0)
    return divided(similarity - similarity.mean(axis=1, keepdims=True), by=deviation)


def divided(similarity: Float[np.ndarray, "*n"], *, by: Float[np.ndarray, "..."]) -> Float[np.ndarray, "*n"]:
    """Return similarities divided by row or column values, 0 if the divisor is 0."""
    quotient = np.zeros_like(similarity)
    np.divide(similarity, by, out=quotient, where=by > 0)
    return quotient
