"""The folder in which a scan keeps the vectors of one side of a table.

    full-G.f32      one row an item: its vectors in all spaces, each with zeros up to a multiple of `LANES`
    half-G.f16      the same rows in half precision, each space times a power of two that makes it fit
    items-G.jsonl   what the rows are: `["id", "content"]` for each, and the number of each row that died since
    state.json      which G counts, and how much of its files
    moments-S.npz   mean and covariance of each space, once something has asked for them

The first three only grow, and whatever stands behind the end that `state.json` names does not count: replacing that
small file is what commits an update, so a kill leaves the old state or the new one. One process updates at a time.
The folder holds nothing that the table does not: whatever in it is damaged or of another table is made anew.
"""

import fcntl
import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float32, Float64, Int

from diptych.errors import StoreFailed
from diptych.files import written_atomically
from diptych.index.items import Side

BLOCK = 4096
"""Rows read, converted or written at a time."""
LANES = 32
"""Numbers that a processor multiplies together; what is left over at the end of a vector goes one by one."""


@dataclass(frozen=True)
class State:
    """What the folder holds."""

    table: str
    side: Side
    widths: tuple[int, ...]
    """Numbers in a vector, for each space."""
    version: str | None
    """The version of the table that it is up to date with."""
    generation: str
    """Names the files that grow."""
    stamp: str
    """Names the state of the rows."""
    rows: int = 0
    log: int = 0
    """Bytes of the list of items."""
    exponents: tuple[int, ...] = ()
    """Of the power of two that half precision is scaled by, for each space."""
    rounding: tuple[float, ...] = ()
    """The largest distance of a row from itself in half precision, for each space."""
    norms: tuple[float, ...] = ()
    """The largest norm of a row, for each space."""

    @property
    def width(self) -> int:
        """Numbers in a row, zeros included."""
        return int(self.spans[-1].stop)

    @cached_property
    def spans(self) -> tuple[slice, ...]:
        """The columns of each space, zeros included."""
        ends = np.cumsum([0, *(-(-width // LANES) * LANES for width in self.widths)]).tolist()
        return tuple(slice(start, stop) for start, stop in itertools.pairwise(ends))

    def padded(self, spaces: Sequence[Float32[np.ndarray, "b _"]]) -> list[Float32[np.ndarray, "b _"]]:
        """Return vectors of each space with the zeros that rows have."""
        found = []
        for space, span in zip(spaces, self.spans, strict=True):
            filled = np.zeros((len(space), span.stop - span.start), dtype=np.float32)
            filled[:, : space.shape[1]] = space
            found.append(filled)
        return found

    def files(self) -> dict[str, str]:
        """Return the names of its files."""
        generation = self.generation
        files = {"full": f"full-{generation}.f32", "half": f"half-{generation}.f16"}
        return files | {"items": f"items-{generation}.jsonl", "moments": f"moments-{self.stamp}.npz"}


class Held:
    """The rows of one state, mapped into memory; later updates do not disturb them."""

    def __init__(self, folder: Path, state: State) -> None:
        self.folder = folder
        self.state = state
        self.full = mapped(folder / state.files()["full"], np.dtype(np.float32), state)
        self.half = mapped(folder / state.files()["half"], np.dtype(np.float16), state)
        with (folder / state.files()["items"]).open("rb") as file:
            lines = file.read(state.log).decode("ascii")
        entries = json.loads(f"[{lines.rstrip().replace(chr(10), ',')}]")
        self.dead = {entry for entry in entries if isinstance(entry, int)}
        self.ids, self.contents = ([entry[part] for entry in entries if isinstance(entry, list)] for part in (0, 1))
        if len(self.ids) != state.rows:
            raise ValueError(f"{state.rows} items were expected in {folder}; got {len(self.ids)}")

    def rows(self) -> dict[str, int]:
        """Return the row of each item that lives."""
        return {item: row for row, item in enumerate(self.ids) if row not in self.dead}

    @cached_property
    def moments(self) -> list[tuple[Float64[np.ndarray, " d_s"], Float64[np.ndarray, "d_s d_s"]]]:
        """Return each space's mean and covariance over the living rows; they are computed once for each state."""
        path = self.folder / self.state.files()["moments"]
        with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(path) as kept:
            return [(kept[f"mean_{k}"], kept[f"covariance_{k}"]) for k in range(len(self.state.widths))]
        rows = np.array(sorted(self.rows().values()), dtype=np.int64)
        found = [_moments(self.full, rows, span) for span in self.state.spans]
        arrays: dict[str, Any] = {f"mean_{k}": mean for k, (mean, _) in enumerate(found)}
        arrays |= {f"covariance_{k}": covariance for k, (_, covariance) in enumerate(found)}
        with writing(self.folder), written_atomically(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)
        return found


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; what the system refuses meanwhile is a `StoreFailed`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        reason = error.strerror or error
        raise StoreFailed(
            f"the vectors to scan cannot be kept in {folder}: {reason}. Make room and try again."
        ) from error


def mapped(path: Path, kind: np.dtype, state: State) -> np.ndarray:
    """Return the rows that count; they can be handed to torch, and what is written to them stays in memory."""
    shape = (state.rows, state.width)
    return np.asarray(np.memmap(path, kind, "c", shape=shape)) if state.rows else np.zeros(shape, kind)


def _moments(
    full: Float32[np.ndarray, "n d"], rows: Int[np.ndarray, " m"], span: slice
) -> tuple[Float64[np.ndarray, " d_s"], Float64[np.ndarray, "d_s d_s"]]:
    width = span.stop - span.start
    mean, covariance = np.zeros(width), np.zeros((width, width))
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    for block in blocks:
        mean += full[block, span].astype(np.float64).sum(axis=0) / len(rows)
    for block in blocks:
        away = full[block, span] - mean
        covariance += away.T @ away / len(rows)
    return mean, covariance
