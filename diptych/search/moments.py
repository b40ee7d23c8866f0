"""Mean and deviation of a query's similarities with all items, without looking at any.

Over n items b the triangle of the QR of [1 b], which one block of rows after another can be taken into, is

R = [√n  √n m̄ᵀ ; 0  C]  with  m̄ = mean b,  Cᵀ C = n Cov(b)

so that similarities s = ⟨a, b⟩ have mean s = ⟨a, m̄⟩ and σ = |C a| / √n. C instead of the covariance keeps all digits
of a small σ. The triangles are computed when a rule first asks for them, and kept until the table changes.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float32, Float64
from scipy.linalg import qr

from diptych.files import written_atomically
from diptych.index.contract import Table
from diptych.index.items import Side
from diptych.search.scan_rows import writing

EQUAL = 1e-13
"""As a share of the vectors' lengths, a deviation up to which all similarities may be equal."""


@dataclass(frozen=True)
class Moments:
    """Of all items in one space."""

    triangle: Float64[np.ndarray, "r e"]
    """R, of one column more than the space has; empty without items."""

    @classmethod
    def of(cls, blocks: Iterable[Float32[np.ndarray, "_ d"]], widths: Sequence[int]) -> tuple["Moments", ...]:
        """Return the moments in each space, from vectors of all spaces one after another."""
        triangles = [np.zeros((0, width + 1)) for width in widths]
        ends = np.cumsum(widths)[:-1]
        for block in blocks:
            ones = np.ones((len(block), 1))
            for space, rows in enumerate(np.split(block, ends, axis=1)):
                stacked = np.vstack([triangles[space], np.hstack([ones, rows.astype(np.float64)])])
                triangles[space] = qr(stacked, mode="r", overwrite_a=True)[0][: stacked.shape[1]]
        return tuple(cls(triangle) for triangle in triangles)

    def mean(self, query: Float32[np.ndarray, " d"]) -> float:
        """Return the mean of a query's similarities; 0 without items."""
        if not len(self.triangle):
            return 0.0
        return float(self.triangle[0, 1:] @ query.astype(np.float64) / self.triangle[0, 0])

    def deviation(self, query: Float32[np.ndarray, " d"], *, equal: Callable[[], bool]) -> float:
        """Return the standard deviation; `equal` is asked where rounding alone may be what it shows."""
        if not len(self.triangle):
            return 0.0
        count = abs(self.triangle[0, 0])
        found = float(np.linalg.norm(self.triangle[1:, 1:] @ query.astype(np.float64)) / count)
        size = float(np.linalg.norm(self.triangle[:, 1:]) / count * np.linalg.norm(query))
        return 0.0 if found <= EQUAL * size and equal() else found


class KeptMoments:
    """The moments of tables, kept in memory and in a folder for as long as the tables stay the same."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[str, tuple[Moments, ...]]] = {}

    def of(self, table: Table, side: Side, widths: Sequence[int], *, file: Path) -> tuple[Moments, ...]:
        """Return the moments of a side of a table; where nothing tells when the table changed, they are not kept."""
        version = table.version()
        if version is None:
            return Moments.of((rows for _, rows in table.blocks(side)), widths)
        known = self._known.get(file) or _read(file)
        if known is None or known[0] != version or tuple(len(one.triangle.T) - 1 for one in known[1]) != tuple(widths):
            known = version, Moments.of((rows for _, rows in table.blocks(side)), widths)
            if table.version() != version:
                return known[1]
            _write(file, *known)
        self._known[file] = known
        return known[1]


def _read(file: Path) -> tuple[str, tuple[Moments, ...]] | None:
    """Return what a file holds; None where there is none or it is damaged."""
    with (
        suppress(OSError, ValueError, KeyError, EOFError, BadZipFile),
        file.open("rb") as opened,
        np.load(opened) as kept,
    ):
        return str(kept["version"]), tuple(Moments(kept[f"space_{n}"]) for n in range(len(kept.files) - 1))
    return None


def _write(file: Path, version: str, found: Sequence[Moments]) -> None:
    arrays: dict[str, Any] = {f"space_{n}": one.triangle for n, one in enumerate(found)}
    with writing(file.parent), written_atomically(file) as temporary, temporary.open("wb") as opened:
        np.savez(opened, version=np.array(version), **arrays)
