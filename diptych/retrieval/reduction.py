"""Stores vectors in no more numbers than the dimension of their span.

If all vectors of one side are in the span of an orthonormal basis Q, a search needs only their coordinates in that
basis, for any query a:

⟨a, b⟩ = ⟨Qᵀ a, Qᵀ b⟩  and  b = Q Qᵀ b  for b in the span

Each side has a basis of its own in each space, for a picture may be read there and a text projected in. MCSM's wide
presets gain most: the paper's space of 4,096 numbers holds texts of 384 numbers, projected in, in 385. Spaces narrower
than what feeds them, posteriors and what a sigmoid has bent have no directions to spare, and are stored as they are.

The basis is stored beside the items, because another machine may compute a different basis of the same span.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32

from diptych.index.contract import Layout, Table
from diptych.index.items import Items, ItemVectors
from diptych.maths.linear_reduction import orthonormal_span
from diptych.methods.contract import Method, SpanningMethod
from diptych.modality import MODALITIES, Modality

Basis = Float32[np.ndarray, "d_s r"]

AT_ONCE = 256
"""How many columns of a basis are written together."""


@dataclass(frozen=True)
class SpanReduction:
    """A basis for each side and space whose vectors span fewer dimensions than they have numbers."""

    widths: tuple[int, ...]
    """How many numbers a vector has in each space."""
    bases: Mapping[tuple[Modality, int], Basis] = field(default_factory=dict)
    """By side and space, wherever a basis saves numbers."""

    @classmethod
    def of(cls, method: Method, widths: tuple[int, ...]) -> "SpanReduction":
        """Return the reduction for a method's vectors."""
        spans = {side: method.span(side) if isinstance(method, SpanningMethod) else {} for side in MODALITIES}
        found = {
            (side, space): orthonormal_span(spans[side][name]).astype(np.float32)
            for side in MODALITIES
            for space, name in enumerate(method.spaces)
            if name in spans[side]
        }
        return cls(widths, {place: basis for place, basis in found.items() if 0 < basis.shape[1] < len(basis)})

    def kept(self, side: Modality) -> tuple[int, ...]:
        """Return how many numbers of a side are stored in each space."""
        return tuple(
            self.bases[side, space].shape[1] if (side, space) in self.bases else width
            for space, width in enumerate(self.widths)
        )

    def reduced(self, side: Modality, vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n r"], ...]:
        """Return vectors space by space, reduced for comparison with the stored vectors of a side."""
        spaces = np.split(vectors, np.cumsum(self.widths)[:-1], axis=1)
        return tuple(
            _product(rows, self.bases[side, space]) if (side, space) in self.bases else rows
            for space, rows in enumerate(spaces)
        )

    def restored(self, side: Modality, stored: Float32[np.ndarray, "n k"]) -> Float32[np.ndarray, "n d"]:
        """Return the full vectors of a side from the stored ones."""
        spaces = np.split(stored, np.cumsum(self.kept(side))[:-1], axis=1)
        whole: Float32[np.ndarray, "n d"] = np.concatenate(
            [
                _product(rows, self.bases[side, space].T) if (side, space) in self.bases else rows
                for space, rows in enumerate(spaces)
            ],
            axis=1,
        )
        return whole

    def layout(self) -> Layout:
        """Return the layout of a table for the bases."""
        return Layout({"image": max(self.widths)})

    def write(self, table: Table) -> None:
        """Write the bases into a table, each column as an item."""
        for (side, space), basis in self.bases.items():
            for start in range(0, basis.shape[1], AT_ONCE):
                columns = basis.T[start : start + AT_ONCE]
                ids = tuple(f"{side} {space} {start + n:05}" for n in range(len(columns)))
                rows = np.zeros((len(columns), max(self.widths)), np.float32)
                rows[:, : len(basis)] = columns
                present = np.ones(len(columns), dtype=bool)
                empty = ((),) * len(ids)
                table.write(
                    Items(ids, ids, (None,) * len(ids), empty, ({},) * len(ids), {"image": ItemVectors(rows, present)})
                )

    @classmethod
    def read(cls, table: Table, widths: tuple[int, ...]) -> "SpanReduction":
        """Return the reduction from a table of bases."""
        items = table.read(vectors=("image",))
        columns: dict[tuple[Modality, int], list[np.ndarray]] = {}
        for identity, row in zip(items.ids, items.vectors["image"].rows, strict=True):
            side, space = identity.split()[:2]
            columns.setdefault((side, int(space)), []).append(row[: widths[int(space)]])  # type: ignore[arg-type]
        return cls(widths, {place: np.stack(rows, axis=1) for place, rows in columns.items()})


def _product(rows: Float32[np.ndarray, "n d"], basis: Float32[np.ndarray, "d r"]) -> Float32[np.ndarray, "n r"]:
    product: Float32[np.ndarray, "n r"] = (rows.astype(np.float64) @ basis.astype(np.float64)).astype(np.float32)
    return product
