"""Pairs of directions with the largest correlation or covariance: symmetric eigensolvers in double precision.

canonical correlation    max tr(A' C B)  with  A' S A = B' T B = I    Hotelling, Biometrika 28, 1936
covariance               max tr(A' C B)  with  A' A = B' B = I        its special case S = T = I

C is the cross-covariance, S and T are the metrics in which a direction has length 1: (ridged) covariances, or those
of a kernel's coefficients.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.linalg import eigh

from diptych.errors import BadFeature

SMALLEST = 1e-6
"""Singular values below this share of the largest count as 0, because their squares are lost in rounding."""


class Directions(NamedTuple):
    """Pairs of directions, the strongest first."""

    x: Float64[np.ndarray, "d k"]
    y: Float64[np.ndarray, "e k"]
    strengths: Float64[np.ndarray, " k"]
    """The correlation or covariance of each pair."""

    def weighted(self, power: float) -> "Directions":
        """Return directions multiplied by a power of their strength; 0 leaves them unchanged."""
        factors = self.strengths**power
        return Directions(self.x * factors, self.y * factors, self.strengths)


def leading_pairs(cross: Float64[np.ndarray, "d e"], *, count: int) -> Directions:
    """Return the leading singular vectors: max tr(A' C B) with A' A = B' B = I.

    Eigenvectors of the smaller of C'C and CC'. There are fewer than `count` if the rank is lower; a rank of 0 is
    refused.

    >>> leading_pairs(np.diag([2.0, 0.0, 3.0]), count=3).strengths.round(6).tolist()
    [3.0, 2.0]
    """
    if not cross.any():
        raise BadFeature(
            "features of both modalities must vary together over the training pairs; their cross-covariance is 0. "
            "Check that the items differ, and that each text belongs to its own picture."
        )
    if cross.shape[0] < cross.shape[1]:
        y, x, strengths = leading_pairs(cross.T, count=count)
        return Directions(x, y, strengths)
    narrow = cross.shape[1]
    values, vectors = eigh(cross.T @ cross, subset_by_index=[narrow - min(count, narrow), narrow - 1])
    strengths = np.sqrt(values[::-1].clip(0))
    large = strengths > SMALLEST * strengths[0]
    y = vectors[:, ::-1][:, large]
    return Directions(cross @ y / strengths[large], y, strengths[large])


def whitening(metric: Float64[np.ndarray, "d d"]) -> Float64[np.ndarray, "d r"]:
    """Return W with W' S W = I that spans the range of S, a symmetric positive semidefinite matrix.

    Eigenvalues within rounding error are treated as 0, as in `numpy.linalg.matrix_rank`.
    """
    values, vectors = np.linalg.eigh(metric)
    large = values > values[-1] * len(values) * np.finfo(np.float64).eps
    whitened: Float64[np.ndarray, "d r"] = vectors[:, large] / np.sqrt(values[large])
    return whitened


def canonical_directions(
    x_whitening: Float64[np.ndarray, "d r"],
    y_whitening: Float64[np.ndarray, "e s"],
    cross: Float64[np.ndarray, "d e"],
    *,
    count: int,
) -> Directions:
    """Return max tr(A' C B) with A' S A = B' T B = I, where the whitenings are those of S and T."""
    inner = leading_pairs(x_whitening.T @ cross @ y_whitening, count=count)
    return Directions(x_whitening @ inner.x, y_whitening @ inner.y, inner.strengths)


def canonical_correlations(
    x: Float64[np.ndarray, "n d"], y: Float64[np.ndarray, "n e"], *, ridge: float, count: int
) -> Directions:
    """Return max tr(A' X'Y B) / n with A' (X'X / n + r I) A = B' (Y'Y / n + s I) B = I for centred rows.

    `ridge` is relative: r and s are that share of the mean variance of X's and Y's columns. Without a ridge, data with
    no more rows than columns always correlate perfectly.

    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> canonical_correlations(rows, rows[:, ::-1] * 2, ridge=0.0, count=2).strengths.round(6).tolist()
    [1.0, 1.0]
    """
    x_whitening, y_whitening = (ridged_whitening(rows, ridge=ridge * np.square(rows).mean()) for rows in (x, y))
    return canonical_directions(x_whitening, y_whitening, x.T @ y / len(x), count=count)


def ridged_whitening(rows: Float64[np.ndarray, "n d"], *, ridge: float) -> Float64[np.ndarray, "d r"]:
    """Return W with W' (X'X / n + r I) W = I.

    With fewer rows than columns it is solved in an orthonormal frame of the rows, which contains every canonical
    direction, so the cost depends on the number of rows only.
    """
    count, width = rows.shape
    if count < width:
        frame = np.linalg.qr(rows.T)[0]
        return frame @ ridged_whitening(rows @ frame, ridge=ridge)  # type: ignore[no-any-return]
    moments = rows.T @ rows / count
    moments[np.diag_indices_from(moments)] += ridge
    return whitening(moments)
