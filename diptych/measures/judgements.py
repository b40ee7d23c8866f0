"""Relevance judgements: which gallery items are relevant to which queries."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Integer

from diptych.errors import ShapeMismatch

BLOCK_CELLS = 1_000_000
"""Cells of a (queries, gallery) matrix in one block; about 50 MB during ranking."""


@dataclass(frozen=True)
class Judgements:
    """The relevance judgements of one direction, stored per item and expanded one block of queries at a time."""

    query_owner: Integer[np.ndarray, " q"]
    """The pair that each query belongs to."""
    gallery_owner: Integer[np.ndarray, " g"]
    """The pair that each item of the gallery belongs to."""
    query_labels: Bool[np.ndarray, "q c"] | None = None
    """The categories of each query; None if the data have none."""
    gallery_labels: Bool[np.ndarray, "g c"] | None = None
    """The categories of each item of the gallery."""

    def __post_init__(self) -> None:
        if (self.query_labels is None) != (self.gallery_labels is None):
            raise ShapeMismatch("queries and gallery must both have categories, or neither; one side's are missing.")

    @property
    def queries(self) -> int:
        """The number of queries."""
        return len(self.query_owner)

    @property
    def gallery(self) -> int:
        """The size of the gallery."""
        return len(self.gallery_owner)

    def reversed(self) -> "Judgements":
        """Return the judgements of the other direction, with queries and gallery swapped."""
        return Judgements(self.gallery_owner, self.query_owner, self.gallery_labels, self.query_labels)

    def partners(self, start: int, stop: int) -> Bool[np.ndarray, "b g"]:
        """Return which items belong to the same pair as each query from `start` to `stop`."""
        same: Bool[np.ndarray, "b g"] = self.query_owner[start:stop, None] == self.gallery_owner
        return same

    def relevant(self, start: int, stop: int) -> Bool[np.ndarray, "b g"]:
        """Return which items share a category with each query; its partners always count.

        Without categories, only the partners are relevant.
        """
        partners = self.partners(start, stop)
        if self.query_labels is None or self.gallery_labels is None:
            return partners
        shared = self.query_labels[start:stop].astype(np.float32) @ self.gallery_labels.T.astype(np.float32)
        return partners | (shared > 0)

    def spans(self) -> Iterator[tuple[int, int]]:
        """Yield the start and stop of consecutive blocks of queries with at most `BLOCK_CELLS` cells."""
        rows = max(1, BLOCK_CELLS // max(1, self.gallery))
        for start in range(0, self.queries, rows):
            yield start, min(start + rows, self.queries)
