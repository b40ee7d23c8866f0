"""Vectors on disk in atomic shards, read and written by any number of processes.

A shard is `<id>.whole.npy`, `<id>.parts.npy` (if there are parts) and `<id>.json`, which lists the contents and is
written last: it commits the shard. Every writer creates its own shards, so two processes never write the same file;
an item encoded by both is stored twice, which is harmless.
"""

import json
import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
from jaxtyping import Float32

from diptych.data.features import Parts
from diptych.data.stored import Files, StoredRows
from diptych.encoders.contract import ItemFeatures
from diptych.files import write_json, written_atomically

LEFTOVER_SECONDS = 3600
"""Uncommitted files older than this are considered abandoned."""

WHOLE_BYTES = 256 * 2**20
"""Whole vectors above this size are not loaded into memory: 52,000 pictures with EfficientNet."""

log = logging.getLogger(__name__)


class ShardPosition(NamedTuple):
    """The rows of one item's vectors."""

    shard: str
    row: int
    """The row of the whole vector."""
    start: int
    """The first row of its parts."""
    stop: int
    """The row after the last of its parts."""


class ShardFolder:
    """A folder of shards, all by one encoder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, vectors: Mapping[str, ItemFeatures]) -> None:
        """Write and commit one shard with the vectors of the named contents."""
        shard = uuid4().hex
        arrays = {"whole": np.stack([each.whole for each in vectors.values()])}
        parts = [each.parts for each in vectors.values() if each.parts is not None]
        if parts:
            arrays["parts"] = np.concatenate(parts)
        for kind, array in arrays.items():
            with written_atomically(self._file(shard, kind)) as temporary:
                np.save(temporary, array)
        sizes = {kind: self._file(shard, kind).stat().st_size for kind in arrays}
        ends = np.cumsum([len(each) for each in parts]).tolist()
        write_json(self.path / f"{shard}.json", {"contents": list(vectors), "part_ends": ends, "sizes": sizes})

    def places(self) -> dict[str, ShardPosition]:
        """Return the rows of every committed item; a damaged shard is removed and logged as a warning."""
        positions: dict[str, ShardPosition] = {}
        for note in self._notes():
            try:
                positions |= self._places_of(note)
            except (OSError, ValueError, KeyError, TypeError) as error:
                log.warning("features %s are damaged (%s): removed, to be encoded again", note.with_suffix(""), error)
                self._remove(note.stem)
        return positions

    def load(self, places: Sequence[ShardPosition]) -> tuple[Parts | None, Float32[np.ndarray, "n d"] | StoredRows]:
        """Return the parts, memory-mapped on access, and the whole vectors of items, in order.

        Whole vectors of more than `WHOLE_BYTES` stay in the files too.
        """
        shards = {shard: k for k, shard in enumerate(dict.fromkeys(place.shard for place in places))}
        rows = np.array([(shards[place.shard], place.row) for place in places], dtype=np.int64)
        stored = StoredRows.of(Files([self._file(shard, "whole") for shard in shards]), rows)
        whole = stored if stored.nbytes > WHOLE_BYTES else np.asarray(stored)
        if not self._file(places[0].shard, "parts").exists():
            return None, whole
        spans = np.array([(shards[place.shard], place.start, place.stop) for place in places], dtype=np.int64)
        blocks = Files([self._file(shard, "parts") for shard in shards])
        return Parts(blocks, spans, np.arange(len(places) + 1)), whole

    def clean(self) -> None:
        """Remove files of interrupted writers: old files that belong to no committed shard."""
        if not self.path.is_dir():
            return
        committed = {note.stem for note in self._notes()}
        for path in self.path.iterdir():
            owner = path.name.partition(".")[0]
            try:
                if owner not in committed and time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                    path.unlink()
            except FileNotFoundError:
                continue

    def _notes(self) -> list[Path]:
        """Return the JSON files of committed shards; partial files have hidden names."""
        return sorted(path for path in self.path.glob("*.json") if not path.name.startswith("."))

    def _places_of(self, note: Path) -> dict[str, ShardPosition]:
        content: dict[str, Any] = json.loads(note.read_text(encoding="utf-8"))
        for kind, size in content["sizes"].items():
            if (there := self._file(note.stem, kind).stat().st_size) != size:
                raise ValueError(f"{kind} has {there} bytes of {size}")
        ends = content["part_ends"] or [0] * len(content["contents"])
        spans = zip([0, *ends[:-1]], ends, strict=True)
        rows = enumerate(zip(content["contents"], spans, strict=True))
        return {key: ShardPosition(note.stem, row, start, stop) for row, (key, (start, stop)) in rows}

    def _remove(self, shard: str) -> None:
        for path in (self.path / f"{shard}.json", self._file(shard, "whole"), self._file(shard, "parts")):
            path.unlink(missing_ok=True)

    def _file(self, shard: str, kind: str) -> Path:
        return self.path / f"{shard}.{kind}.npy"
