"""Sparse graphs of nearest neighbours, computed in chunks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int
from scipy.sparse import csr_array, diags_array, eye_array

CHUNK = 1024
"""Items whose distances to all others are in memory at once."""


def nearest(rows: Float[np.ndarray, "n d"], *, count: int) -> Int[np.ndarray, "n k"]:
    """Return the `count` nearest other rows of each row by Euclidean distance, in no particular order.

    There are never more than n - 1. Distances are computed in single precision.

    >>> nearest(np.array([[0.0], [1.0], [5.0]]), count=1).ravel().tolist()
    [1, 0, 1]
    """
    neighbours = min(count, len(rows) - 1)
    if neighbours < 1:
        return np.zeros((len(rows), 0), dtype=np.intp)
    # Centring does not change distances but reduces their rounding.
    centred = (rows - rows.mean(0)).astype(np.float32)
    return np.concatenate(
        [np.argpartition(chunk, neighbours - 1, axis=1)[:, :neighbours] for chunk in _squared(centred)]
    )


def _squared(rows: Float32[np.ndarray, "n d"]) -> Iterator[Float32[np.ndarray, "b n"]]:
    """Yield squared distances to all rows, in chunks; the distance of a row to itself is infinite."""
    lengths = np.einsum("nd,nd->n", rows, rows)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        # The norms of the chunk's own rows are omitted: they shift all their distances equally.
        squared = lengths - 2 * (chunk @ rows.T)
        squared[np.arange(len(chunk)), np.arange(start, start + len(chunk))] = np.inf
        yield squared


def neighbour_laplacian(rows: Float[np.ndarray, "n d"], *, count: int) -> Any:
    """Return the normalised Laplacian of the graph of nearest neighbours, a sparse (n, n) matrix:

        I - D^-1/2 W D^-1/2,   w_ij = 1 where i is among the `count` nearest of j, or j of i, else 0

    D holds the degrees. Its eigenvalues lie between 0 and 2; a row without neighbours has a 1 on the diagonal.
    """
    near = nearest(rows, count=count)
    size, neighbours = near.shape
    ones = np.ones(size * neighbours)
    directed = csr_array((ones, (np.repeat(np.arange(size), neighbours), near.ravel())), shape=(size, size))
    edges = directed.maximum(directed.T)
    root = diags_array(1 / np.sqrt(np.maximum(edges.sum(axis=1), 1)))
    return (eye_array(size) - root @ edges @ root).tocsr()
