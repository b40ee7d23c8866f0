"""The features that an encoder makes of a data set: for each item a sequence of parts and one whole vector.

Regions of a picture and words of a text are both *parts*. They stay where they are (usually half-precision
files mapped into memory) until a batch asks for its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from diptych.data.stored import StoredRows
from diptych.errors import BadFeature, ShapeMismatch
from diptych.relevance import Relevant

Rows = Int[np.ndarray, " b"] | Sequence[int]
BLOCK = 1024
"""Items that are compared at a time."""


@dataclass(frozen=True)
class Parts:
    """Sequences of different lengths, as spans of a few large blocks.

    An item owns the spans `spans[first[k]:first[k + 1]]`: one for a picture, one per sentence for a text; its
    sequence is their rows in order.
    """

    blocks: Sequence[Float[np.ndarray, "_ d"]]
    spans: Int[np.ndarray, "m 3"]
    """Block, first row, end row (exclusive)."""
    first: Int[np.ndarray, " n_plus_1"]

    @classmethod
    def of(cls, sequences: Sequence[Float[np.ndarray, "_ d"]]) -> "Parts":
        """Return the parts of items held in memory, one array each.

        >>> Parts.of([np.ones((2, 4)), np.ones((3, 4))]).lengths.tolist()
        [2, 3]
        """
        spans = [(k, 0, len(sequence)) for k, sequence in enumerate(sequences)]
        return cls(tuple(sequences), np.array(spans, dtype=np.int64).reshape(-1, 3), np.arange(len(sequences) + 1))

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def width(self) -> int:
        """How many numbers describe a part."""
        return int(self.blocks[0].shape[1]) if self.blocks else 0

    @property
    def lengths(self) -> Int[np.ndarray, " n"]:
        """How many parts each item has."""
        ends = np.concatenate([[0], np.cumsum(self.spans[:, 2] - self.spans[:, 1])])
        lengths: Int[np.ndarray, " n"] = np.diff(ends[self.first])
        return lengths

    def take(self, rows: Rows) -> "Parts":
        """Return the parts of the named items, in that order; this copies only the table of spans."""
        owned = [self.spans[self.first[row] : self.first[row + 1]] for row in rows]
        first = np.concatenate([[0], np.cumsum([len(spans) for spans in owned])]).astype(np.int64)
        spans = np.concatenate(owned) if owned else np.zeros((0, 3), dtype=np.int64)
        return replace(self, spans=spans, first=first)

    def sequence(self, row: int) -> Float[np.ndarray, "p d"]:
        """Return one item's parts in the precision they are stored in."""
        spans = self.spans[self.first[row] : self.first[row + 1]]
        pieces: list[Float[np.ndarray, "_ d"]] = [self.blocks[int(block)][start:stop] for block, start, stop in spans]
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def longest(self, rows: Rows) -> int:
        """Return how many parts the longest of the named items has, at least 1."""
        owned = (self.spans[self.first[row] : self.first[row + 1]] for row in rows)
        return max([1, *(int((spans[:, 2] - spans[:, 1]).sum()) for spans in owned)])

    def padded(
        self, rows: Rows, *, limit: int | None = None, width: int = 1
    ) -> tuple[Float32[np.ndarray, "b p d"], Bool[np.ndarray, "b p"]]:
        """Return the named items' parts padded with zeros to the longest, and a mask that is true on real parts.

        Rows are padded to at least `width`. Sequences longer than `limit` are cut at their end.
        """
        sequences = [self.sequence(int(row))[:limit] for row in rows]
        longest = max([width, *(len(sequence) for sequence in sequences)])
        values = np.zeros((len(sequences), longest, self.width), dtype=np.float32)
        mask = np.zeros((len(sequences), longest), dtype=bool)
        for k, sequence in enumerate(sequences):
            values[k, : len(sequence)] = sequence
            mask[k, : len(sequence)] = True
        return values, mask


@dataclass(frozen=True)
class Encoded:
    """One modality of a set of items, as one encoder sees it."""

    whole: Float32[np.ndarray, "n d"] | StoredRows
    """One vector per item; in files if all of them would take much memory."""
    parts: Parts | None = None
    """The sequence of regions or words; None where only whole vectors exist."""
    encoder: str = ""
    """The encoder's name and fingerprint."""
    condensed: bool = False
    """Whether a method has scaled the parts for its own training already."""

    def __post_init__(self) -> None:
        if self.parts is not None and len(self.parts) != len(self.whole):
            raise ShapeMismatch(
                f"parts must describe as many items as whole; got {len(self.parts)} and {len(self.whole)}."
            )

    def __len__(self) -> int:
        return len(self.whole)

    def take(self, rows: Rows) -> "Encoded":
        """Return the named items, in that order."""
        numbers = np.asarray(rows, dtype=np.int64)
        whole = self.whole.take(numbers) if isinstance(self.whole, StoredRows) else self.whole[numbers]
        return replace(self, whole=whole, parts=self.parts and self.parts.take(rows))

    def check_finite(self, modality: str) -> None:
        """Raise `BadFeature` if a whole vector in memory holds NaN or infinity."""
        if isinstance(self.whole, StoredRows):
            return
        if len(bad := np.flatnonzero(~np.isfinite(self.whole).all(1))):
            raise BadFeature(
                f"{modality} features must be finite; {len(bad)} of {len(self)} items are not, the first is "
                f"number {bad[0]}. Encode these files again, or leave them out of the data set."
            )

    def check_varied(self, items: str) -> None:
        """Raise `BadFeature` if there are several items, called `items`, and all have the same whole vector."""
        wholes, size = replace(self, parts=None), len(self)
        blocks = (wholes.take(range(start, min(start + BLOCK, size))).in_memory() for start in range(0, size, BLOCK))
        if size > 1 and all((block == wholes.take([0]).in_memory()).all() for block in blocks):
            raise BadFeature(
                f"all {size:,} training {items} are the same, or their encoder sees no difference, so nothing can be "
                f"learned from them. Train on pairs whose {items} differ."
            )

    def in_memory(self) -> Float32[np.ndarray, "n d"]:
        """Return all whole vectors as one array, for code that needs them at once."""
        return np.asarray(self.whole)


@dataclass(frozen=True)
class Features:
    """Encoded pictures and texts of some pairs, which every method learns from and embeds.

    There are n pictures and m texts; text k belongs to picture `owner[k]`. With all texts of a pair joined
    into one, m = n and `owner` counts up from 0.
    """

    images: Encoded
    texts: Encoded
    owner: Int[np.ndarray, " m"]
    labels: Bool[np.ndarray, "n c"] | None
    """Categories of the pictures (and so of their texts); None if there are none at all."""
    ids: tuple[str, ...]
    """The pairs' ids, one per picture."""
    relevant: Relevant = "category"
    """What counts as right in training and validation; `category` means partners if `labels` is None."""

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.owner) or len(self.images) != len(self.ids):
            raise ShapeMismatch(
                f"every text needs an owner and every picture an id; got {len(self.texts)} texts, {len(self.owner)} "
                f"owners, {len(self.images)} pictures, {len(self.ids)} ids."
            )
        for modality, encoded in (("image", self.images), ("text", self.texts)):
            encoded.check_finite(modality)

    @property
    def text_labels(self) -> Bool[np.ndarray, "m c"] | None:
        """Categories of the texts: their owners'."""
        return None if self.labels is None else self.labels[self.owner]
