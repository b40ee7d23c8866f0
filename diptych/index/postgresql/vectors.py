"""The vectors of one side as a column of PostgreSQL: its type, and how it travels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from diptych.index.contract import Layout
from diptych.index.items import ItemVectors
from diptych.index.postgresql.packages import HalfVector, Vector
from diptych.index.refusals import in_precision
from diptych.modality import Modality

WIDEST_IN_FULL = 2000
"""Numbers in a vector, at most, that an index takes as they are; beyond, in half precision."""


def quoted(*names: str) -> str:
    """Return a name as SQL writes it, with the schema before it.

    >>> quoted("diptych_museum", "items")
    '"diptych_museum"."items"'
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


@dataclass(frozen=True)
class VectorColumn:
    """One side's vectors in a table."""

    side: Modality
    width: int
    half: bool

    @classmethod
    def of(cls, layout: Layout) -> dict[Modality, "VectorColumn"]:
        """Return the columns that a layout asks for."""
        return {side: cls(side, width, layout.half) for side, width in layout.widths.items()}

    @property
    def name(self) -> str:
        """The column's name."""
        return f"{self.side}_vector"

    @property
    def kind(self) -> str:
        """The type of its cells, but for the width."""
        return "halfvec" if self.half else "vector"

    @property
    def sent(self) -> str:
        """SQL for a cell as bytes that `stacked` reads."""
        return f"{self.kind}_send({self.name})"

    @property
    def distance(self) -> str:
        """SQL for the negative inner product with the one parameter, which stays in full precision."""
        return f"{self.name}::vector <#> %s::vector"

    @property
    def indexed_kind(self) -> str:
        """The type of the index's vectors."""
        return "vector" if not self.half and self.width <= WIDEST_IN_FULL else "halfvec"

    @property
    def indexed(self) -> str:
        """SQL for what the index holds; a search has to use the same words."""
        return self.name if self.kind == self.indexed_kind else f"({self.name}::{self.indexed_kind}({self.width}))"

    @property
    def indexed_distance(self) -> str:
        """SQL for the negative inner product as the index orders by it."""
        return f"{self.indexed} <#> %s::{self.indexed_kind}"

    @property
    def _coder(self) -> type[Vector] | type[HalfVector]:
        return HalfVector if self.half else Vector

    def packed(self, vectors: ItemVectors) -> list[bytes | None]:
        """Return vectors as binary `COPY` carries them, None for those that are not there."""
        numbers = in_precision(self.side, vectors, half=self.half)
        return [self._coder(row).to_binary() if p else None for row, p in zip(numbers, vectors.present, strict=True)]

    def stacked(self, cells: Sequence[bytes | None]) -> Float32[np.ndarray, "n d"]:
        """Return the vectors that `sent` gave, zero where there is none."""
        rows = np.zeros((len(cells), self.width), np.float32)
        for row, cell in zip(rows, cells, strict=True):
            if cell is not None:
                row[:] = self._coder.from_binary(cell).to_numpy()
        return rows


def as_parameter(vector: Float32[np.ndarray, " d"]) -> str:
    """Return a vector as text, to be cast to either type."""
    text: str = Vector(vector).to_text()
    return text
