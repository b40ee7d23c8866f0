"""Collections in the memory of this process: `memory://NAME`. They are gone when the process ends.

All users of one name in a process see the same items. Searches are exact: every vector is compared.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from jaxtyping import Float32
from typing_extensions import override

from diptych.errors import BadSetting, MissingData
from diptych.index.conditions import Columns, Condition, Value, holds
from diptych.index.contract import Layout, NearestItems, Store, Table
from diptych.index.items import Items, ItemVectors
from diptych.index.nearest import ranked
from diptych.index.refusals import check_items, check_width, in_precision, new_columns
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(title="The memory of this process, gone when it ends")

BLOCK = 4096
"""Items that `blocks` yields at a time."""


def open_store(uri: str) -> "MemoryStore":
    """Return the store of that URI, shared within this process."""
    with _OPENING:
        return _STORES.setdefault(uri, MemoryStore(uri))


@dataclass(frozen=True)
class _Row:
    """One item, with its vectors by side."""

    content: str
    image: str | None
    texts: tuple[str, ...]
    metadata: Mapping[str, Value]
    vectors: Mapping[Modality, Float32[np.ndarray, " d"]]


class MemoryTable(Table):
    """Items by id. A write replaces the whole dictionary, so that a reader sees all of it or none."""

    efforts = (1,)

    def __init__(self, name: str, layout: Layout) -> None:
        self.name = name
        self.layout = layout
        self._writing = Lock()
        self._state: tuple[str, Mapping[str, _Row]] = (uuid.uuid4().hex, {})
        self._columns: Columns = {}
        self._indexed: set[Modality] = set()

    @property
    def _rows(self) -> Mapping[str, _Row]:
        return self._state[1]

    @override
    def columns(self) -> Columns:
        return dict(self._columns)

    @override
    def widen(self, columns: Columns) -> None:
        with self._writing:
            self._columns = {**self._columns, **new_columns(self._columns, columns)}

    @override
    def narrow(self) -> None:
        with self._writing:
            used = {name for row in self._rows.values() for name in row.metadata}
            self._columns = {name: kind for name, kind in self._columns.items() if name in used}

    @override
    def write(self, items: Items) -> None:
        half = self.layout.half
        stored = {side: in_precision(side, each, half=half).astype(np.float32) for side, each in items.vectors.items()}
        fresh = {
            identity: _Row(
                items.contents[n],
                items.images[n],
                items.texts[n],
                items.metadata[n],
                {side: rows[n] for side, rows in stored.items() if items.vectors[side].present[n]},
            )
            for n, identity in enumerate(items.ids)
        }
        with self._writing:
            check_items(items, self.layout, self._columns)
            self._state = (uuid.uuid4().hex, {**self._rows, **fresh})

    @override
    def remove(self, ids: Sequence[str]) -> int:
        with self._writing:
            left = {identity: row for identity, row in self._rows.items() if identity not in set(ids)}
            removed = len(self._rows) - len(left)
            self._state = (uuid.uuid4().hex, left)
        return removed

    @override
    def count(self, *, where: Condition | None = None, side: Modality | None = None) -> int:
        return len(self.ids(where=where, side=side))

    @override
    def ids(self, *, where: Condition | None = None, side: Modality | None = None) -> list[str]:
        return sorted(
            identity
            for identity, row in self._rows.items()
            if (side is None or side in row.vectors) and (where is None or holds(where, row.metadata, identity))
        )

    @override
    def contents(self, ids: Sequence[str] | None = None) -> dict[str, str]:
        rows = self._rows
        return {identity: rows[identity].content for identity in (rows if ids is None else ids) if identity in rows}

    @override
    def read(
        self,
        ids: Sequence[str] | None = None,
        *,
        where: Condition | None = None,
        after: str | None = None,
        limit: int | None = None,
        vectors: Sequence[Modality] = (),
    ) -> Items:
        rows = self._rows
        named = sorted(rows) if ids is None else [each for each in dict.fromkeys(ids) if each in rows]
        chosen = [
            each
            for each in named
            if (after is None or each > after) and (where is None or holds(where, rows[each].metadata, each))
        ][:limit]
        some = [rows[each] for each in chosen]
        columns = zip(*((row.content, row.image, row.texts, row.metadata) for row in some), strict=True)
        contents, images, texts, metadata = columns if some else ((), (), (), ())
        return Items(tuple(chosen), contents, images, texts, metadata, {s: self._stacked(s, some) for s in vectors})

    @override
    def nearest(
        self,
        side: Modality,
        vector: Float32[np.ndarray, " d"],
        *,
        k: int,
        where: Condition | None = None,
        effort: int | None = None,
    ) -> NearestItems:
        check_width(self.layout, side, len(vector))
        rows, ids = self._rows, self.ids(where=where, side=side)
        return ranked(ids, self._stacked(side, [rows[each] for each in ids]).rows, vector, k=k)

    @override
    def blocks(self, side: Modality) -> Iterator[tuple[list[str], Float32[np.ndarray, "b d"]]]:
        rows = {identity: row for identity, row in self._rows.items() if side in row.vectors}
        ids = list(rows)
        for start in range(0, len(ids), BLOCK):
            some = ids[start : start + BLOCK]
            yield some, self._stacked(side, [rows[each] for each in some]).rows

    @override
    def version(self) -> str:
        return self._state[0]

    @override
    def build_index(self, side: Modality) -> None:
        """Mark the side as indexed; searches still compare every vector, so that they miss nothing."""
        self._indexed.add(side)

    @override
    def indexed(self, side: Modality) -> bool:
        return side in self._indexed

    @override
    def compact(self) -> None:
        """Do nothing: removed items take no memory."""

    @override
    def bytes(self) -> int:
        return sum(vector.nbytes for row in self._rows.values() for vector in row.vectors.values())

    def _stacked(self, side: Modality, rows: Sequence[_Row]) -> ItemVectors:
        stacked = np.zeros((len(rows), self.layout.widths[side]), dtype=np.float32)
        for n, row in enumerate(rows):
            stacked[n] = row.vectors.get(side, 0)
        return ItemVectors(stacked, np.array([side in row.vectors for row in rows], dtype=bool))


class MemoryStore(Store):
    """A record and tables by name."""

    lasting = False

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._record: dict[str, Any] | None = None
        self._tables: dict[str, MemoryTable] = {}

    @override
    def record(self) -> dict[str, Any] | None:
        return None if self._record is None else dict(self._record)

    @override
    def remember(self, record: Mapping[str, Any]) -> None:
        self._record = dict(record)

    @override
    def tables(self) -> list[str]:
        return sorted(self._tables)

    @override
    def create_table(self, name: str, layout: Layout) -> Table:
        if name in self._tables:
            raise BadSetting(f"the table '{name}' exists in '{self.uri}'. Drop it first, or take another name.")
        self._tables[name] = MemoryTable(name, layout)
        return self._tables[name]

    @override
    def table(self, name: str) -> Table:
        if name not in self._tables:
            raise MissingData(f"'{self.uri}' has no table '{name}'. There are: {', '.join(self.tables()) or 'none'}.")
        return self._tables[name]

    @override
    def drop_table(self, name: str) -> None:
        self._tables.pop(name, None)

    @override
    def drop(self) -> None:
        self._tables, self._record = {}, None

    @override
    def close(self) -> None:
        """Do nothing: the items stay until the process ends or the collection is dropped."""


_OPENING = Lock()
_STORES: dict[str, MemoryStore] = {}
