"""Items of a collection, many at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float32

from diptych.index.conditions import Value
from diptych.modality import Modality


@dataclass(frozen=True)
class ItemVectors:
    """One side of some items: each item's vectors in all spaces, concatenated."""

    rows: Float32[np.ndarray, "n d"]
    """Zero if the item lacks the side."""
    present: Bool[np.ndarray, " n"]
    """Whether an item has this side."""

    def take(self, rows: Sequence[int]) -> "ItemVectors":
        """Return some of them, in that order."""
        return ItemVectors(self.rows[list(rows)], self.present[list(rows)])


@dataclass(frozen=True)
class Items:
    """Some items, column by column."""

    ids: tuple[str, ...]
    contents: tuple[str, ...]
    """A digest of everything that makes up each item: equal digests mean equal items."""
    images: tuple[str | None, ...]
    """The path of each one's picture."""
    texts: tuple[tuple[str, ...], ...]
    metadata: tuple[Mapping[str, Value], ...]
    vectors: Mapping[Modality, ItemVectors] = field(default_factory=dict)
    """By side; sides that were not requested are missing."""

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: Sequence[int]) -> "Items":
        """Return some of the items, in that order."""
        columns = (tuple(c[row] for row in rows) for c in (self.ids, self.contents, self.images))
        ids, contents, images = columns
        texts, metadata = (tuple(c[row] for row in rows) for c in (self.texts, self.metadata))
        return Items(ids, contents, images, texts, metadata, {s: v.take(rows) for s, v in self.vectors.items()})  # type: ignore[arg-type]
