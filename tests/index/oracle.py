"""A store in plain Python that obeys the contract by brute force: what every real one is compared with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from typing_extensions import override

from diptych.errors import BadSetting, MissingData
from diptych.index.conditions import Columns, Condition, Kind, Value, holds
from diptych.index.contract import Layout, NearestItems, Store, Table
from diptych.index.items import Items, ItemVectors
from diptych.modality import Modality


@dataclass
class Row:
    """One item."""

    content: str
    image: str | None
    texts: tuple[str, ...]
    metadata: Mapping[str, Value]
    vectors: dict[Modality, np.ndarray]


@dataclass
class OracleTable(Table):
    """A dictionary of rows."""

    name: str
    layout: Layout
    rows: dict[str, Row] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    writes: int = 0

    efforts = (1,)

    @override
    def columns(self) -> Columns:
        return dict(self.kinds)

    @override
    def widen(self, columns: Columns) -> None:
        for name, kind in columns.items():
            if self.kinds.get(name, kind) != kind:
                raise BadSetting(f"the column '{name}' is of another kind")
        self.kinds |= columns

    @override
    def narrow(self) -> None:
        used = {name for row in self.rows.values() for name in row.metadata}
        self.kinds = {name: kind for name, kind in self.kinds.items() if name in used}

    @override
    def write(self, items: Items) -> None:
        self.writes += 1
        precision = np.float16 if self.layout.half else np.float32
        for row, item in enumerate(items.ids):
            given = {
                side: v.rows[row].astype(precision).astype(np.float32)
                for side, v in items.vectors.items()
                if v.present[row]
            }
            plain = (items.contents[row], items.images[row], items.texts[row], items.metadata[row])
            self.rows[item] = Row(*plain, given)

    @override
    def remove(self, ids: Sequence[str]) -> int:
        self.writes += 1
        return sum(self.rows.pop(item, None) is not None for item in set(ids))

    @override
    def count(self, *, where: Condition | None = None, side: Modality | None = None) -> int:
        return len(self.ids(where=where, side=side))

    @override
    def ids(self, *, where: Condition | None = None, side: Modality | None = None) -> list[str]:
        return sorted(
            item
            for item, row in self.rows.items()
            if (side is None or side in row.vectors) and (where is None or holds(where, row.metadata, item))
        )

    @override
    def contents(self, ids: Sequence[str] | None = None) -> dict[str, str]:
        wanted = set(self.rows if ids is None else ids)
        return {item: row.content for item, row in self.rows.items() if item in wanted}

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
        meeting = dict.fromkeys(self.ids(where=where))
        wanted = meeting if ids is None else [item for item in dict.fromkeys(ids) if item in meeting]
        chosen = [item for item in wanted if after is None or item > after][:limit]
        rows = [self.rows[item] for item in chosen]
        return Items(
            tuple(chosen),
            tuple(row.content for row in rows),
            tuple(row.image for row in rows),
            tuple(row.texts for row in rows),
            tuple(row.metadata for row in rows),
            {side: self._vectors(side, rows) for side in vectors},
        )

    def _vectors(self, side: Modality, rows: Sequence[Row]) -> ItemVectors:
        stacked = np.zeros((len(rows), self.layout.widths[side]), np.float32)
        for place, row in zip(stacked, rows, strict=True):
            place[:] = row.vectors.get(side, 0)
        return ItemVectors(stacked, np.array([side in row.vectors for row in rows], dtype=bool))

    @override
    def nearest(
        self, side: Modality, vector: np.ndarray, *, k: int, where: Condition | None = None, effort: int | None = None
    ) -> NearestItems:
        ids = self.ids(where=where, side=side)
        vectors = self._vectors(side, [self.rows[item] for item in ids]).rows
        similarities = (vectors.astype(np.float64) * vector.astype(np.float64)).sum(axis=1)
        order = sorted(range(len(ids)), key=lambda row: (-similarities[row], ids[row]))[:k]
        return NearestItems(tuple(ids[row] for row in order), similarities[order], vectors[order])

    @override
    def blocks(self, side: Modality) -> Iterator[tuple[list[str], np.ndarray]]:
        ids = self.ids(side=side)
        yield ids, self.read(ids, vectors=[side]).vectors[side].rows

    @override
    def version(self) -> str | None:
        return str(self.writes)

    @override
    def build_index(self, side: Modality) -> None:
        """Do nothing: brute force needs no index."""

    @override
    def indexed(self, side: Modality) -> bool:
        return True

    @override
    def compact(self) -> None:
        """Do nothing: what was removed is gone."""

    @override
    def bytes(self) -> int:
        return sum(vector.nbytes for row in self.rows.values() for vector in row.vectors.values())


class OracleStore(Store):
    """A dictionary of tables."""

    def __init__(self, uri: str = "oracle://") -> None:
        self.uri = uri
        self._record: dict[str, Any] | None = None
        self._tables: dict[str, OracleTable] = {}

    @override
    def record(self) -> dict[str, Any] | None:
        return self._record

    @override
    def remember(self, record: Mapping[str, Any]) -> None:
        self._record = dict(record)

    @override
    def tables(self) -> list[str]:
        return sorted(self._tables)

    @override
    def create_table(self, name: str, layout: Layout) -> Table:
        if name in self._tables:
            raise BadSetting(f"the table '{name}' exists")
        self._tables[name] = OracleTable(name, layout)
        return self._tables[name]

    @override
    def table(self, name: str) -> Table:
        if name not in self._tables:
            raise MissingData(f"no table '{name}'")
        return self._tables[name]

    @override
    def drop_table(self, name: str) -> None:
        self._tables.pop(name, None)

    @override
    def drop(self) -> None:
        self._tables, self._record = {}, None

    @override
    def close(self) -> None:
        """Do nothing: there is no connection."""
