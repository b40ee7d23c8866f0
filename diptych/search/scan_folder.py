"""Updates the folder of a scan from its table: it reads only what changed, and a kill loses nothing.

New rows are appended, and rows of changed or removed items are marked dead. The files are rewritten when too many rows
are dead, or when a number no longer fits the scale of half precision.
"""

import json
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np
import torch
from jaxtyping import Float32

from diptych.errors import BadFeature, DiptychError, ShapeMismatch
from diptych.files import write_json
from diptych.index.contract import Table
from diptych.modality import Modality
from diptych.search.folder_lock import writing
from diptych.search.scan_rows import BLOCK, Held, State, mapped
from diptych.settings import revive

LARGEST, ROOM = 9, 15
"""Binary places before the point of the largest number: when the scale is chosen, and when it has outgrown it."""
MAY_BE_DEAD = 1 / 3
"""The share of dead rows above which the files are rewritten."""

ItemBatch = tuple[Sequence[str], Sequence[str], Float32[np.ndarray, "b d"]]
"""Ids, contents and vectors of some items."""


def refreshed(folder: Path, table: Table, side: Modality, widths: tuple[int, ...]) -> Held:
    """Update the folder from one side of a table, and return its rows.

    If the table's version has not changed since the last update, the table is not read.
    """
    if table.layout.widths.get(side) != sum(widths):
        raise ShapeMismatch(
            f"vectors of the side {side!r} must have {sum(widths)} numbers, as spaces of {widths} do; table "
            f"{table.name!r} has {table.layout.widths.get(side)}. It was filled by another model."
        )
    with writing(folder):
        held = _open(folder, table, side, widths)
        version = table.version()
        if held is not None and version is not None and held.state.version == version:
            return held
        digests = _digests(table, side)
        state = _updated(folder, held, table, digests) if held is not None else None
        if state is None:
            state = _filled(folder, table, digests, State(table.name, side, widths, None, _unique(), _unique()))
        if held is None or state != held.state or version != held.state.version:
            write_json(folder / "state.json", asdict(replace(state, version=version)))
            _tidy(folder, state)
        return Held(folder, replace(state, version=version))


def _open(folder: Path, table: Table, side: Modality, widths: tuple[int, ...]) -> Held | None:
    """Return the folder's rows of this table, or None if it has none or is damaged."""
    try:
        state = revive(State, json.loads((folder / "state.json").read_text(encoding="utf-8")))
        same = (state.table, state.side, state.widths) == (table.name, side, widths)
        return Held(folder, state) if same else None
    except (OSError, ValueError, TypeError, AttributeError, DiptychError):
        return None


def _digests(table: Table, side: Modality) -> dict[str, str]:
    """Return the digest of each item that has the side."""
    contents = table.contents()
    return {item: contents[item] for item in table.ids(side=side) if item in contents}


def _updated(folder: Path, held: Held, table: Table, digests: dict[str, str]) -> State | None:
    """Return the state after reading new and changed items, or None if all must be read again."""
    rows = held.rows()
    fresh = [item for item, content in digests.items() if item not in rows or held.contents[rows[item]] != content]
    changed = set(fresh)
    dying = [row for item, row in rows.items() if item in changed or item not in digests]
    if not fresh and not dying:
        return held.state
    if len(held.dead) + len(dying) > MAY_BE_DEAD * (held.state.rows + len(fresh)):
        return None
    return _appended(folder, held.state, _read(table, held.state.side, fresh), dying)


def _read(table: Table, side: Modality, ids: Sequence[str]) -> Iterator[ItemBatch]:
    for start in range(0, len(ids), BLOCK):
        items = table.read(ids[start : start + BLOCK], vectors=(side,))
        items = items.take(np.flatnonzero(items.vectors[side].present).tolist())
        yield items.ids, items.contents, items.vectors[side].rows


def _filled(folder: Path, table: Table, digests: dict[str, str], empty: State) -> State:
    """Return the state of new files with every item in `digests`."""
    missing = dict(digests)

    def batches() -> Iterator[ItemBatch]:
        for ids, vectors in table.blocks(empty.side):
            rows = [k for k, item in enumerate(ids) if item in missing]
            yield [ids[k] for k in rows], [missing.pop(ids[k]) for k in rows], vectors[rows]

    state = _appended(folder, empty, batches(), [])
    if state is None:
        raise BadFeature(f"table {table.name!r} has vectors that half precision cannot hold at any scale.")
    return state


def _appended(folder: Path, state: State, batches: Iterator[ItemBatch], dying: Sequence[int]) -> State | None:
    """Return the state with rows added and the dying ones dead, or None if the new rows exceed its scale."""
    files = {name: folder / file for name, file in state.files().items()}
    rows, peaks = state.rows, np.zeros(len(state.widths))
    with _end(files["full"], 4 * state.width * rows) as full, _end(files["items"], state.log) as log:
        for ids, contents, vectors in batches:
            spaces = state.padded(np.split(vectors, np.cumsum(state.widths)[:-1], axis=1))
            full.write(np.hstack(spaces).data)
            log.write("".join(f"{json.dumps(line)}\n" for line in zip(ids, contents, strict=True)).encode("ascii"))
            rows += len(ids)
            peaks = np.maximum(peaks, [np.abs(space).max(initial=0) for space in spaces])
        log.write("".join(f"{row}\n" for row in dying).encode("ascii"))
        length = log.tell()
    if not np.isfinite(peaks).all():
        raise BadFeature(
            f"vectors in table {state.table!r} must be finite; got NaN or infinity. Encode its items again."
        )
    exponents = state.exponents if state.rows else tuple(LARGEST - math.frexp(peak)[1] for peak in peaks.tolist())
    if any(math.ldexp(peak, exponent) > 2**ROOM for peak, exponent in zip(peaks.tolist(), exponents, strict=True)):
        return None
    extends = "" if dying else _last_with_moments(folder, state)
    grown = replace(state, rows=rows, log=length, exponents=exponents, stamp=_unique(), extends=extends)
    return _halved(files["full"], files["half"], grown, start=state.rows)


def _last_with_moments(folder: Path, state: State) -> str:
    """Return the last state that has moments and the same dead rows as this one; empty if there is none."""
    return state.stamp if (folder / state.files()["moments"]).exists() else state.extends


def _halved(full: Path, half: Path, state: State, *, start: int) -> State:
    """Write the rows from `start` on in half precision, and return the state with their rounding errors."""
    vectors = mapped(full, np.dtype(np.float32), state)
    lost, norms = ([np.array(bounds or (0.0,) * len(state.widths))] for bounds in (state.rounding, state.norms))
    scale = torch.tensor(np.repeat(np.exp2(state.exponents), [span.stop - span.start for span in state.spans]))
    with _end(half, 2 * state.width * start) as file:
        for first in range(start, state.rows, BLOCK):
            exact = torch.from_numpy(vectors[first : first + BLOCK]).double()
            rounded = (exact * scale).half()
            file.write(rounded.numpy().data)
            for figures, rows in ((lost, rounded.double() / scale - exact), (norms, exact)):
                figures.append(np.array([float(rows[:, span].norm(dim=1).max()) for span in state.spans]))
    rounding, largest = (tuple(np.max(figures, axis=0).tolist()) for figures in (lost, norms))
    return replace(state, rounding=rounding, norms=largest)


@contextmanager
def _end(path: Path, length: int) -> Iterator[BinaryIO]:
    """Yield a file to append to from that length, and flush it to disk."""
    with path.open("ab") as file:
        file.truncate(length)
        file.seek(length)
        yield file
        file.flush()
        os.fsync(file.fileno())


def _tidy(folder: Path, state: State) -> None:
    """Remove the files of other states."""
    files = {"lock", "state.json", *state.files().values()}
    for path in folder.iterdir():
        if path.name not in files:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _unique() -> str:
    return uuid4().hex[:16]
