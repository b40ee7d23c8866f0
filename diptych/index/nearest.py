"""The last step of every search: exact similarities, in order."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from diptych.index.contract import NearestItems


def ranked(
    ids: Sequence[str], vectors: Float32[np.ndarray, "n d"], query: Float32[np.ndarray, " d"], *, k: int
) -> NearestItems:
    """Return the k items most similar to a query by the inner product in double precision, among equals the lesser id.

    >>> ranked(["b", "a", "c"], np.float32([[1, 0], [1, 0], [0, 1]]), np.float32([1, 0]), k=2).ids
    ('a', 'b')
    """
    similarities = np.einsum("nd,d->n", vectors.astype(np.float64), query.astype(np.float64))
    order = sorted(range(len(ids)), key=lambda row: (-similarities[row], ids[row]))[:k]
    return NearestItems(tuple(ids[row] for row in order), similarities[order], vectors[order])
