"""Vectors that stay in files, mapped into memory on request, a limited number of files at a time.

A data set may be larger than memory, and have more files than a process may hold open.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np
from jaxtyping import Float, Float32, Int
from typing_extensions import override

from diptych.errors import BadFeature

MAPPED = 128
"""How many files of one kind are mapped at a time."""

ItemNumbers = Int[np.ndarray, " b"] | Sequence[int]


class Files(Sequence[Float[np.ndarray, "_ d"]]):
    """Arrays in `.npy` files; the last few that were asked for stay mapped into memory."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)
        self._mapped: OrderedDict[int, Float[np.ndarray, "_ d"]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Float[np.ndarray, "_ d"]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Float[np.ndarray, "_ d"]]: ...
    @override
    def __getitem__(self, index: int | slice) -> Float[np.ndarray, "_ d"] | Sequence[Float[np.ndarray, "_ d"]]:
        """Return one array, mapped; several for a slice."""
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        if index not in self._mapped:
            self._mapped[index] = np.load(self.paths[index], mmap_mode="r")
            while len(self._mapped) > MAPPED:
                self._mapped.popitem(last=False)
        self._mapped.move_to_end(index)
        return self._mapped[index]

    def __reduce__(self) -> tuple[type["Files"], tuple[tuple[Path, ...]]]:
        """Travel to another process as paths, which it maps anew."""
        return Files, (self.paths,)


@dataclass(frozen=True)
class StoredRows:
    """Rows of single precision that stay in files: `rows[spans]` or `rows[numbers]` reads some, as of an array.

    Row k is the mean of the stored ones `places[first[k]:first[k + 1]]`; it usually is one of them.
    """

    files: Files
    places: Int[np.ndarray, "m 2"]
    """File, and row in it."""
    first: Int[np.ndarray, " n_plus_1"]

    @classmethod
    def of(cls, files: Files, places: Int[np.ndarray, "m 2"]) -> "StoredRows":
        """Return rows that are stored as they are."""
        return cls(files, places, np.arange(len(places) + 1))

    def __len__(self) -> int:
        return len(self.first) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows there are, and how wide."""
        return len(self), int(self.files[int(self.places[0, 0])].shape[1])

    @property
    def nbytes(self) -> int:
        """How many bytes all of them would take in memory."""
        rows, width = self.shape
        return rows * width * np.dtype(np.float32).itemsize

    def __getitem__(self, rows: slice | ItemNumbers) -> Float32[np.ndarray, "b d"]:
        """Return some rows in memory; `BadFeature` if they are not finite."""
        numbers = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows, dtype=np.int64)
        counts = self.first[numbers + 1] - self.first[numbers]
        positions = np.repeat(self.first[numbers], counts) + _counted_up(counts)
        vectors = self._read(positions)
        if (counts != 1).any():
            vectors = np.add.reduceat(vectors, np.cumsum(counts) - counts) / counts[:, None].astype(np.float32)
        if not np.isfinite(vectors).all():
            bad = numbers[~np.isfinite(vectors).all(1)]
            raise BadFeature(
                f"features must be finite; {len(bad)} of {len(numbers)} that were read are not, the first is number "
                f"{bad[0]}. Encode these files again, or leave them out of the data set."
            )
        return vectors

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Float[np.ndarray, "n d"]:
        """Return all rows in memory."""
        return self[:].astype(dtype or np.float32, copy=False)

    def take(self, rows: ItemNumbers) -> "StoredRows":
        """Return the named rows, in that order, still where they are."""
        numbers = np.asarray(rows, dtype=np.int64)
        counts = self.first[numbers + 1] - self.first[numbers]
        positions = np.repeat(self.first[numbers], counts) + _counted_up(counts)
        return replace(self, places=self.places[positions], first=np.concatenate([[0], np.cumsum(counts)]))

    def joined(self, starts: Int[np.ndarray, " p_plus_1"]) -> "StoredRows":
        """Return the means of runs of rows, each from one start to the next."""
        return replace(self, first=self.first[starts])

    def _read(self, positions: Int[np.ndarray, " w"]) -> Float32[np.ndarray, "w d"]:
        """Return stored rows, read file by file."""
        vectors = np.empty((len(positions), self.shape[1] if len(self.places) else 0), dtype=np.float32)
        places = self.places[positions]
        order = np.argsort(places[:, 0], kind="stable")
        ends = np.flatnonzero(np.diff(places[order, 0], append=-1)) + 1
        for start, stop in zip(np.concatenate([[0], ends])[:-1], ends, strict=True):
            rows = order[start:stop]
            vectors[rows] = self.files[int(places[rows[0], 0])][places[rows, 1]]
        return vectors


def _counted_up(counts: Int[np.ndarray, " b"]) -> Int[np.ndarray, " w"]:
    """Return 0, 1, ... below each count, one after another."""
    ends = np.cumsum(counts)
    counted: Int[np.ndarray, " w"] = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    return counted
