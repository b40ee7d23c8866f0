"""Pairs of rows that are nearly the same, found among all pairs without a matrix of all of them.

The similarity of two items is the mean of the cosines of their vectors in the S spaces:

s(a, b) = 1/S Σ ⟨a_s, b_s⟩ / (|a_s| |b_s|)

It is the inner product of rows whose vectors have the length 1/√S in each space; a vector of zeros is like no other.
Products of d numbers in single precision err by less than γ = d u / (1 - d u), u = 2⁻²⁴: pairs that far from the
threshold are certain, and the few between are multiplied again in double precision.

All pairs of a film's frames are millions. Of those found, only a spanning forest of the strongest is kept: at most
n - 1 pairs, which connect the same rows as all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from diptych.maths.linear_reduction import Sliced
from diptych.progress import Progress, silent

TILE = 2048
"""Rows that are multiplied with as many others at a time."""
ROUNDING = 2.0**-24
"""The largest relative error of one operation in single precision."""
LABEL = "comparing items"


@dataclass(frozen=True)
class NearPairs:
    """Some pairs of n rows, each with its similarity."""

    rows: int
    first: Int64[np.ndarray, " m"]
    second: Int64[np.ndarray, " m"]
    """The later row of each pair."""
    similarities: Float64[np.ndarray, " m"]

    @classmethod
    def none(cls, rows: int) -> "NearPairs":
        """Return no pairs of that many rows."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(rows, nothing, nothing, np.zeros(0))

    def __len__(self) -> int:
        return len(self.first)

    def among(self, places: Int64[np.ndarray, " n"], rows: int) -> "NearPairs":
        """Return the same pairs where row k is the row `places[k]` of so many."""
        ends = np.sort([places[self.first], places[self.second]], axis=0)
        return NearPairs(rows, ends[0], ends[1], self.similarities)

    def spanned(self, other: "NearPairs") -> "NearPairs":
        """Return the strongest of these and other pairs that connect what all of them connect.

        A pair that is among both counts with its larger similarity.
        """
        first, second, similarities = (
            np.concatenate(ends)
            for ends in (
                (self.first, other.first), (self.second, other.second), (self.similarities, other.similarities),
            )
        )  # fmt: skip
        order = np.lexsort((-similarities, second, first))
        fresh = np.ones(len(order), dtype=bool)
        fresh[1:] = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
        chosen = order[fresh]
        lengths = 3.0 - similarities[chosen]  # a length of 0 would be no edge
        graph = coo_array((lengths, (first[chosen], second[chosen])), shape=(self.rows, self.rows))
        tree = minimum_spanning_tree(graph.tocsr()).tocoo()
        return NearPairs(self.rows, tree.row.astype(np.int64), tree.col.astype(np.int64), 3.0 - tree.data)

    def groups(self) -> list[Int64[np.ndarray, " g"]]:
        """Return the rows that pairs connect, group by group; rows in no pair are in no group."""
        graph = coo_array((np.ones(len(self)), (self.first, self.second)), shape=(self.rows, self.rows))
        labels = connected_components(graph, directed=False)[1]
        order = np.argsort(labels, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
        return [part.astype(np.int64) for part in parts if len(part) > 1]


class UnitRows:
    """Rows of several spaces, scaled so that inner products are mean cosines; made as they are read."""

    def __init__(
        self, full: Float32[np.ndarray, "r d"], chosen: Int64[np.ndarray, " n"], spans: Sequence[slice]
    ) -> None:
        self._full = full
        self._chosen = chosen
        self._spans = tuple(spans)

    def __len__(self) -> int:
        return len(self._chosen)

    def __getitem__(self, rows: slice) -> Float32[np.ndarray, "_ d"]:
        return self.at(self._chosen[rows])

    def take(self, rows: Int64[np.ndarray, " m"]) -> "UnitRows":
        """Return some of the rows, in that order."""
        return UnitRows(self._full, self._chosen[rows], self._spans)

    def at(self, places: Int64[np.ndarray, " m"]) -> Float32[np.ndarray, "m d"]:
        """Return the scaled rows at some places of the whole."""
        scaled: Float32[np.ndarray, "m d"] = self._full[places]
        for span in self._spans:
            part = scaled[:, span].astype(np.float64)
            lengths = np.linalg.norm(part, axis=1, keepdims=True) * np.sqrt(len(self._spans))
            scaled[:, span] = np.divide(part, lengths, out=np.zeros_like(part), where=lengths > 0)
        return scaled

    def cosines(self, first: Int64[np.ndarray, " m"], second: Int64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        """Return the inner product of pairs of rows in double precision."""
        found = np.empty(len(first))
        for start in range(0, len(first), TILE):
            part = slice(start, start + TILE)
            one, other = (self.at(self._chosen[ends[part]]) for ends in (first, second))
            found[part] = np.vecdot(one, other, dtype=np.float64)
        return found


def strongest_pairs(rows: Sliced, threshold: float, *, progress: Progress | None = None) -> NearPairs:
    """Return a forest of the strongest pairs with an inner product of at least `threshold`.

    Two rows are connected by it if and only if pairs of at least the threshold connect them.
    """
    found, told = NearPairs.none(len(rows)), progress or silent
    starts = range(0, len(rows), TILE)
    total = len(starts) * (len(starts) + 1) // 2
    for done, top in enumerate(starts):
        upper = np.ascontiguousarray(rows[top : top + TILE])
        for left in starts[done:]:
            pairs = _tile(upper, rows[left : left + TILE], (top, left), threshold, len(rows))
            if len(pairs):
                found = found.spanned(pairs)
        told(total - (len(starts) - done - 1) * (len(starts) - done) // 2, total, LABEL)
    return found


def _tile(
    upper: Float32[np.ndarray, "p d"],
    lower: Float32[np.ndarray, "q d"],
    corner: tuple[int, int],
    threshold: float,
    rows: int,
) -> NearPairs:
    """Return every pair of one row of each block, the later one from the second block."""
    products = torch.mm(torch.from_numpy(upper), torch.from_numpy(np.ascontiguousarray(lower)).T).numpy()
    share = (upper.shape[1] + 1) * ROUNDING
    error = 2 * share / (1 - share)
    one, other = np.nonzero(products >= np.float32(threshold - error))
    if corner[0] == corner[1]:
        one, other = one[one < other], other[one < other]
    similarities = products[one, other].astype(np.float64)
    doubtful = np.flatnonzero(similarities < threshold + error)
    for start in range(0, len(doubtful), TILE):
        some = doubtful[start : start + TILE]
        similarities[some] = np.vecdot(upper[one[some]], lower[other[some]], dtype=np.float64)
    kept = similarities >= threshold
    return NearPairs(rows, one[kept] + corner[0], other[kept] + corner[1], similarities[kept])
