"""Linear reduction of wide features, y = (x - mean) basis, and of the outputs of an affine map."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Float32, Float64
from scipy.linalg import eigh, qr

BLOCK = 4096
"""Rows read from files at once."""


class Reduction(NamedTuple):
    """An affine map to fewer dimensions."""

    mean: Float32[np.ndarray, " d"]
    basis: Float32[np.ndarray, "d k"]


def principal_components(rows: Float[np.ndarray, "n d"], *, width: int) -> Reduction:
    """Return the projection onto the leading principal components, scaled to unit mean variance.

    Eigenvectors of the covariance in float64, by a symmetric solver. With fewer rows or columns than `width`
    it keeps as many as there are. The sign of each component is fixed (its largest entry is positive), so
    that the same rows give the same projection.

    >>> rows = np.random.default_rng(0).normal(size=(50, 6))
    >>> principal_components(rows, width=3).basis.shape
    (6, 3)
    """
    mean = rows.mean(0, dtype=np.float64)
    centred = rows.astype(np.float64) - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(rows) - 1, 1))
    order = np.argsort(-values, kind="stable")[: min(width, len(rows), rows.shape[1])]
    basis = vectors[:, order]
    basis = basis * np.sign(basis[np.abs(basis).argmax(0), np.arange(len(order))])
    scale = np.sqrt(max(values[order].mean(), np.finfo(np.float64).tiny))
    return Reduction(mean.astype(np.float32), (basis / scale).astype(np.float32))


@runtime_checkable
class Sliced(Protocol):
    """Rows that are read in blocks: an array, or rows in files."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def __getitem__(self, rows: slice) -> Float[np.ndarray, "_ d"]:
        """Return a slice of the rows."""
        ...


def _moments(rows: Sliced) -> tuple[Float64[np.ndarray, " d"], Float64[np.ndarray, " d"]]:
    """Return the mean and the variance of each column; rows in files are read block by block."""
    starts = range(0, len(rows), len(rows) if isinstance(rows, np.ndarray) else BLOCK)

    def blocks() -> Iterator[Float[np.ndarray, "_ d"]]:
        return (rows[start : start + starts.step] for start in starts)

    mean = sum(block.sum(0, dtype=np.float64) for block in blocks()) / len(rows)
    return mean, sum(np.square(block - mean).sum(0) for block in blocks()) / len(rows)


def standard_scale(rows: Sliced) -> tuple[Float32[np.ndarray, " d"], float]:
    """Return the mean of the rows and the root of their mean variance: one number, which preserves directions.

    Identical rows have the scale 1e-12 rather than 0.
    """
    mean, variance = _moments(rows)
    return mean.astype(np.float32), max(float(variance.mean()) ** 0.5, 1e-12)


def standard_deviations(
    rows: Sliced,
) -> tuple[Float32[np.ndarray, " d"], Float32[np.ndarray, " d"]]:
    """Return the mean and the standard deviation of each column; a constant column has the deviation 1.

    A constant column therefore becomes 0 when it is standardised.
    """
    mean, variance = _moments(rows)
    deviation = np.sqrt(variance)
    # values of a nearly constant column stay close to its mean
    steady = deviation <= 1e-7 * np.abs(mean)
    return mean.astype(np.float32), np.where(steady, 1.0, deviation).astype(np.float32)


def orthonormal_span(matrix: Float[np.ndarray, "d m"]) -> Float64[np.ndarray, "d r"]:
    """Return an orthonormal basis Q of the column space of a matrix, by QR with column pivoting in float64.

    Inner products with vectors in the span need only r coordinates, whatever their dimension:

    ⟨v, u⟩ = ⟨Qᵀ v, Qᵀ u⟩ for u in the span and any v

    Outputs of an affine map, u = W x + b, lie in the span of [W b], so r ≤ width of x + 1. The basis of a zero matrix
    has no columns.

    >>> orthonormal_span(np.array([[3.0, 6.0], [4.0, 8.0], [0.0, 0.0]])).shape
    (3, 1)
    """
    basis, triangle, _ = qr(matrix.astype(np.float64), mode="economic", pivoting=True)
    sizes = np.abs(np.diag(triangle))
    negligible = max(matrix.shape) * np.finfo(np.float64).eps * sizes.max(initial=0.0)
    span: Float64[np.ndarray, "d r"] = basis[:, : int((sizes > negligible).sum())]
    return span


class Plane(NamedTuple):
    """Rows projected onto the plane in which they vary most."""

    points: Float64[np.ndarray, "n 2"]
    shares: tuple[float, float]
    """The share of the rows' variance along each axis."""


def principal_plane(rows: Sliced) -> Plane:
    """Return rows along their two leading principal components; they are read block by block.

    The sign of each component is fixed (its largest entry is positive), so that the same rows give the same points.
    With fewer components than two, coordinates are 0.

    >>> principal_plane(np.float32([[0, 0, 0], [2, 0, 0], [4, 0, 0]])).points[:, 0].tolist()
    [-2.0, 0.0, 2.0]
    """
    if not len(rows):
        return Plane(np.zeros((0, 2)), (0.0, 0.0))
    starts = range(0, len(rows), BLOCK)
    mean = sum(rows[start : start + BLOCK].sum(0, dtype=np.float64) for start in starts) / len(rows)
    centred = (rows[start : start + BLOCK].astype(np.float64) - mean for start in starts)
    spread: Float64[np.ndarray, "d d"] = sum(block.T @ block for block in centred)
    width = min(2, len(spread))
    values, vectors = eigh(spread, subset_by_index=(len(spread) - width, len(spread) - 1))
    values, basis = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    basis = basis * np.sign(basis[np.abs(basis).argmax(0), np.arange(width)])
    points, total = np.zeros((len(rows), 2)), float(np.trace(spread))
    for start in starts:
        points[start : start + BLOCK, :width] = (rows[start : start + BLOCK].astype(np.float64) - mean) @ basis
    shares = [float(value) / total if total > 0 else 0.0 for value in values]
    return Plane(points, (shares[0], shares[1] if width > 1 else 0.0))
