"""Mean and deviation of a query's similarities with all items, without scoring any.

Over n items b, the triangular factor R in the QR decomposition of [1 b], which can be updated block by block, is

R = [√n  √n m̄ᵀ ; 0  C]  with  m̄ = mean b,  Cᵀ C = n Cov(b)

so that similarities s = ⟨a, b⟩ have mean s = ⟨a, m̄⟩ and σ = |C a| / √n. Using C instead of the covariance keeps all
digits of a small σ. Items can be added to a triangle, but removing them loses digits.

The triangles are computed when a rule first needs them and kept in a file with the version of their source: the table,
if its store searches, or the rows of a scan (`diptych.search.scan_rows`).
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64

from diptych.files import written_atomically
from diptych.index.contract import Table
from diptych.modality import Modality
from diptych.search.folder_lock import writing

EQUAL = 1e-13
"""The deviation, as a share of the vectors' lengths, up to which all similarities may be equal."""


@dataclass(frozen=True)
class Moments:
    """The moments of all items in one space."""

    triangle: Float64[np.ndarray, "r e"]
    """R, with one more column than the space; empty without items."""

    @classmethod
    def of(
        cls, blocks: Iterable[Float32[np.ndarray, "_ d"]], widths: Sequence[int], *, start: Sequence["Moments"] = ()
    ) -> tuple["Moments", ...]:
        """Return the moments in each space, from vectors of all spaces one after another.

        They extend `start`, earlier moments whose items count too.
        """
        triangles = [each.triangle for each in start] or [np.zeros((0, width + 1)) for width in widths]
        ends = np.cumsum(widths)[:-1]
        for block in blocks:
            spaces = np.split(block, ends, axis=1)
            triangles = [_extended(triangle, rows) for triangle, rows in zip(triangles, spaces, strict=True)]
        return tuple(cls(triangle) for triangle in triangles)

    @property
    def count(self) -> int:
        """How many items there are."""
        return round(float(self.triangle[0, 0]) ** 2) if len(self.triangle) else 0

    def mean(self, query: Float[np.ndarray, " d"]) -> float:
        """Return the mean of a query's similarities; 0 without items."""
        if not len(self.triangle):
            return 0.0
        return float(self.triangle[0, 1:] @ query.astype(np.float64) / self.triangle[0, 0])

    def deviation(self, query: Float[np.ndarray, " d"], *, equal: Callable[[], bool]) -> float:
        """Return the standard deviation; if it may be mere rounding, `equal` decides."""
        if not len(self.triangle):
            return 0.0
        count = abs(self.triangle[0, 0])
        deviation = float(np.linalg.norm(self.triangle[1:, 1:] @ query.astype(np.float64)) / count)
        size = float(np.linalg.norm(self.triangle[:, 1:]) / count * np.linalg.norm(query))
        return 0.0 if deviation <= EQUAL * size and equal() else deviation


class KeptMoments:
    """The moments of tables, kept in memory and in a folder for as long as the tables stay the same."""

    def __init__(self) -> None:
        self._remembered: dict[Path, tuple[str, tuple[Moments, ...]]] = {}

    def of(self, table: Table, side: Modality, widths: Sequence[int], *, file: Path) -> tuple[Moments, ...]:
        """Return the moments of one side of a table; they are kept only if the table has a version."""
        version = table.version()
        if version is None:
            return Moments.of((rows for _, rows in table.blocks(side)), widths)
        remembered = self._remembered.get(file)
        if remembered is not None and remembered[0] == version and _widths(remembered[1]) == tuple(widths):
            return remembered[1]
        moments = read_moments(file, version, widths)
        if moments is None:
            moments = Moments.of((rows for _, rows in table.blocks(side)), widths)
            if table.version() != version:
                return moments
            write_moments(file, version, moments)
        self._remembered[file] = version, moments
        return moments


def read_moments(file: Path, version: str, widths: Sequence[int]) -> tuple[Moments, ...] | None:
    """Return the moments of this version and these widths from a file; None if the file is missing or damaged."""
    with (
        suppress(OSError, ValueError, KeyError, EOFError, BadZipFile),
        file.open("rb") as opened,
        np.load(opened) as arrays,
    ):
        moments = tuple(Moments(arrays[f"space_{n}"]) for n in range(len(widths)))
        if str(arrays["version"]) == version and _widths(moments) == tuple(widths):
            return moments
    return None


def write_moments(file: Path, version: str, moments: Sequence[Moments]) -> None:
    """Keep moments in a file, with the version of their source."""
    arrays: dict[str, Any] = {f"space_{n}": each.triangle for n, each in enumerate(moments)}
    with writing(file.parent), written_atomically(file) as temporary, temporary.open("wb") as opened:
        np.savez(opened, version=np.array(version), **arrays)


def _widths(moments: Sequence[Moments]) -> tuple[int, ...]:
    return tuple(each.triangle.shape[1] - 1 for each in moments)


def _extended(triangle: Float64[np.ndarray, "_ e"], rows: Float32[np.ndarray, "b d"]) -> Float64[np.ndarray, "_ e"]:
    """Return a triangle updated with more rows."""
    stacked = np.vstack([triangle, np.hstack([np.ones((len(rows), 1)), rows.astype(np.float64)])])
    extended: Float64[np.ndarray, "_ e"] = torch.linalg.qr(torch.from_numpy(stacked), mode="r").R.numpy()
    return extended
