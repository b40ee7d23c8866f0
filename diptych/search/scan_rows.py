"""The folder in which a scan keeps the vectors of one side of a table.

    full-G.f32      one row per item: its vectors in all spaces, each padded with zeros to a multiple of `LANES`
    half-G.f16      the same rows in half precision, each space scaled by a power of two to fit
    items-G.jsonl   the items of the rows: `["id", "content"]` for each, and the number of each row that died since
    state.json      the current G, and how much of its files counts
    moments-S.npz   the moments of the living rows (`diptych.search.moments`), once they were needed

S names a state of the rows. If rows were only added since an earlier state, its moments are kept and extended.

The first three files only grow, and anything beyond the end that `state.json` names is ignored: replacing that small
file commits an update, so a kill leaves the old state or the new one. One process updates at a time. The folder holds
nothing that the table does not, so anything damaged or from another table is rewritten.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int

from diptych.modality import Modality
from diptych.search.moments import Moments, read_moments, write_moments

BLOCK = 4096
"""Rows read, converted or written at a time."""
LANES = 32
"""How many numbers a processor multiplies together; it takes the remainder of a vector one by one."""


@dataclass(frozen=True)
class State:
    """The contents of the folder."""

    table: str
    side: Modality
    widths: tuple[int, ...]
    """Numbers in a vector, for each space."""
    version: str | None
    """The version of the table at the last update."""
    generation: str
    """Names the files that grow."""
    stamp: str
    """Names the state of the rows."""
    extends: str = ""
    """The state whose moments cover the first of the living rows; empty if there is none."""
    rows: int = 0
    log: int = 0
    """Bytes of the list of items."""
    exponents: tuple[int, ...] = ()
    """The exponent of the power of two that scales half precision, for each space."""
    rounding: tuple[float, ...] = ()
    """The largest distance of a row from its copy in half precision, for each space."""
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
        """Return the vectors of each space, padded with zeros as the rows are."""
        padded = []
        for space, span in zip(spaces, self.spans, strict=True):
            filled = np.zeros((len(space), span.stop - span.start), dtype=np.float32)
            filled[:, : space.shape[1]] = space
            padded.append(filled)
        return padded

    @cached_property
    def columns(self) -> Int[np.ndarray, " d"]:
        """The columns of a row that hold a vector's numbers, without the padding."""
        spans = zip(self.spans, self.widths, strict=True)
        return np.concatenate([np.arange(span.start, span.start + width) for span, width in spans])

    def files(self) -> dict[str, str]:
        """Return the names of its files."""
        generation = self.generation
        files = {"full": f"full-{generation}.f32", "half": f"half-{generation}.f16"}
        files |= {"items": f"items-{generation}.jsonl", "moments": f"moments-{self.stamp}.npz"}
        return files | ({"extends": f"moments-{self.extends}.npz"} if self.extends else {})


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
        """Return the row of each living item."""
        return {item: row for row, item in enumerate(self.ids) if row not in self.dead}

    @cached_property
    def moments(self) -> tuple[Moments, ...]:
        """Return each space's moments over the living rows, computed once for each state.

        If rows were only added since an earlier state with moments, those are extended by the new rows.
        """
        files, widths = self.state.files(), self.state.widths
        file, earlier = self.folder / files["moments"], self.folder / files["extends"] if self.state.extends else None
        if (moments := read_moments(file, self.state.stamp, widths)) is not None:
            return moments
        start = (earlier and read_moments(earlier, self.state.extends, widths)) or ()
        moments = Moments.of(self._living(start[0].count if start else 0), widths, start=start)
        write_moments(file, self.state.stamp, moments)
        if earlier:
            earlier.unlink(missing_ok=True)
        return moments

    def _living(self, first: int) -> Iterator[Float32[np.ndarray, "b d"]]:
        """Yield the vectors of living rows, block by block, skipping the `first` ones."""
        rows = np.array(sorted(self.rows().values()), dtype=np.int64)
        for start in range(first, len(rows), BLOCK):
            yield self.full[rows[start : start + BLOCK]][:, self.state.columns]


def mapped(path: Path, kind: np.dtype, state: State) -> np.ndarray:
    """Return the current rows as an array that torch accepts; writing to it changes memory alone."""
    shape = (state.rows, state.width)
    return np.asarray(np.memmap(path, kind, "c", shape=shape)) if state.rows else np.zeros(shape, kind)
