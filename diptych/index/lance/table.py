"""One table of items in Lance.

Exact search reads all vectors of a side, block by block, and compares in single precision whatever they are stored in;
the nearest are compared once more in double precision. The approximate index is `IVF_SQ`: about the square root of the
number of vectors as partitions, or fewer where vectors are wide, a byte a number, its nearest compared once more by
what is stored. Items written since it was built are found all the same, for what no index covers is read through;
`compact` takes them in.

A write that finds many small files of others before it first puts them together (`diptych.index.lance.upkeep`), as
`compact` does.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32
from lancedb.index import FTS, IvfSq
from lancedb.query import MatchQuery
from typing_extensions import override

from diptych.errors import MissingData
from diptych.index.conditions import ID, Absence, Columns, Condition
from diptych.index.contract import NearestItems, Table
from diptych.index.items import Items
from diptych.index.lance.access import TableAccess
from diptych.index.lance.conditions import among, column_of, every, literal, sql_of
from diptych.index.lance.rows import (
    BIRTH,
    PLAIN,
    TEXTS,
    columns_of,
    fields_of,
    items_of,
    layout_of,
    rows_of,
    vector_column,
    vectors_of,
)
from diptych.index.lance.upkeep import covers_ids, gather, index_of, scattered
from diptych.index.nearest import ranked
from diptych.index.refusals import check_width, new_columns
from diptych.modality import Modality

BLOCK = 4096
"""Vectors that are read at a time."""
MATCH: Any = MatchQuery
"""Lance declares its defaults in a way that type checkers take for none."""
NAMED = 10_000
"""Ids that are named in one query."""
REFINED = 4
"""How many times the wanted number an approximate search compares exactly."""
CENTRES = 10**6
"""Numbers in the centres of all partitions from which on Lance looks for a vector's partition by a graph of the
centres, and by inner product often misses the right one: partitions stay below."""
SAMPLE = 64
"""Vectors for each partition that the partitions are learned from."""


class LanceTable(Table):
    """A folder `NAME.lance`, seen as it is at each call."""

    efforts = tuple(2**power for power in range(11))
    """Partitions that are searched, of about the square root of the number of vectors."""

    def __init__(self, name: str, folder: Path, opened: Any) -> None:
        self.name = name
        self._folder = folder
        self._table = opened
        self._access = TableAccess(folder)
        self.layout = layout_of(self._schema())

    @override
    def columns(self) -> Columns:
        return columns_of(self._schema())

    @override
    def widen(self, columns: Columns) -> None:
        with self._access.writing():
            if new := new_columns(columns_of(self._table.schema), columns):
                self._table.add_columns(fields_of(new))

    @override
    def narrow(self) -> None:
        with self._access.rearranging(), self._access.writing():
            columns = columns_of(self._table.schema)
            kept = {name: sql_of(Absence(name, negated=True), columns) for name in columns}
            if empty := [column_of(name) for name, clause in kept.items() if not self._table.count_rows(clause)]:
                self._table.drop_columns(empty)

    @override
    def write(self, items: Items) -> None:
        if not items.ids:
            return
        with self._access.writing():
            with self._access.rearranging(wait=False) as free:
                if free and scattered(self._table, self._folder):
                    gather(self._table, self._access)
            rows = rows_of(items, self._table.schema)
            upsert = self._table.merge_insert(ID).when_matched_update_all().when_not_matched_insert_all()
            # the default takes a side that an item lacks for a mistake
            upsert.use_index(covers_ids(self._table)).execute(rows, on_bad_vectors="null")

    @override
    def remove(self, ids: Sequence[str]) -> int:
        removed = 0
        for clause in _among_ids(ids):
            with self._access.writing():
                if there := self._table.count_rows(clause):
                    self._table.delete(clause)
                removed += there
        return removed

    @override
    def count(self, *, where: Condition | None = None, side: Modality | None = None) -> int:
        with self._access.reading():
            return int(self._table.count_rows(self._clause(where, side) or None))

    @override
    def ids(self, *, where: Condition | None = None, side: Modality | None = None) -> list[str]:
        return sorted(self._read([ID], self._clause(where, side)).column(ID).to_pylist())

    @override
    def contents(self, ids: Sequence[str] | None = None) -> dict[str, str]:
        clauses = [""] if ids is None else _among_ids(ids)
        parts = [self._read([ID, "content"], clause) for clause in clauses]
        return {item: content for part in parts for item, content in zip(*part.to_pydict().values(), strict=True)}

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
        later = "" if after is None else f"id > {literal(after)}"
        clause = every(filter(None, (self._clause(where), later)))
        if ids is None and limit is not None:
            ids = sorted(self._read([ID], clause).column(ID).to_pylist())[:limit]
        names = [*PLAIN, *map(column_of, self.columns()), *map(vector_column, vectors)]
        among_ids = [""] if ids is None else _among_ids(ids)
        parts = [self._read(names, every(filter(None, (clause, some)))) for some in among_ids]
        rows = pa.concat_tables(parts) if parts else self._schema().empty_table().select(names)
        row_of = {item: row for row, item in enumerate(rows.column(ID).to_pylist())}
        order = [row_of[item] for item in (sorted(row_of) if ids is None else dict.fromkeys(ids)) if item in row_of]
        return items_of(rows.take(pa.array(order[:limit], pa.int64())), vectors)

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
        if effort is not None:
            # the nearest partitions may hold few items or none; where few meet a condition, an exact search is quick
            harder = [each for each in self.efforts if each > effort] if where is None else []
            for partitions in [effort, *harder]:
                nearest = self._approximate(side, vector, k, where, partitions)
                if len(nearest.ids) == k:
                    return nearest
        return self._exact(side, vector, k, where)

    @override
    def matching(self, words: str, side: Modality, *, k: int, where: Condition | None = None) -> list[str]:
        """Return the best matches by BM25; the first call builds an index of words, which later writes are added to."""
        if not self._has_index(TEXTS):
            with self._access.rearranging(), self._access.writing():
                if index_of(self._table, TEXTS) is None:
                    self._table.create_index(TEXTS, config=FTS(language="English"))
        clause = self._clause(where, side)
        with self._access.reading():
            query = self._table.search(MATCH(words, TEXTS), query_type="fts")
            rows = query.where(clause, prefilter=True).select([ID, "_score"]).limit(k).to_arrow()
        scored = zip(rows.column("_score").to_pylist(), rows.column(ID).to_pylist(), strict=True)
        return [identity for _, identity in sorted(scored, key=lambda each: (-each[0], each[1]))]

    @override
    def blocks(self, side: Modality) -> Iterator[tuple[list[str], Float32[np.ndarray, "b d"]]]:
        for ids, rows in self._blocks(side, self._clause(None, side)):
            yield ids.to_pylist(), rows

    @override
    def version(self) -> str | None:
        with self._access.reading():
            return f"{self._table.schema.metadata[BIRTH].decode()}-{self._table.version}"

    @override
    def build_index(self, side: Modality) -> None:
        if not (vectors := self.count(side=side)):
            return
        partitions = max(1, min(isqrt(vectors), (CENTRES - 1) // self.layout.widths[side]))
        config = IvfSq(distance_type="dot", num_partitions=partitions, sample_rate=SAMPLE)
        with self._access.rearranging(), self._access.reading():
            self._table.create_index(vector_column(side), config=config, replace=True)

    @override
    def indexed(self, side: Modality) -> bool:
        return self._has_index(vector_column(side))

    @override
    def compact(self) -> None:
        with self._access.rearranging(), self._access.writing():
            gather(self._table, self._access)

    @override
    def bytes(self) -> int:
        total = 0
        for path in self._folder.rglob("*"):
            with suppress(FileNotFoundError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    def _schema(self) -> pa.Schema:
        with self._access.reading():
            return self._table.schema

    def _clause(self, where: Condition | None, side: Modality | None = None) -> str:
        """Return the SQL of a condition and of having a side; empty where everything will do."""
        clauses = [sql_of(where, self.columns())] if where is not None else []
        if side is not None:
            clauses.append(f"{vector_column(side)} IS NOT NULL" if side in self.layout.widths else "false")
        return every(clauses)

    def _read(self, names: Sequence[str], clause: str) -> pa.Table:
        with self._access.reading():
            query = self._table.search().select(list(names))
            return (query.where(clause) if clause else query).to_arrow()

    def _blocks(self, side: Modality, clause: str) -> Iterator[tuple[pa.StringArray, Float32[np.ndarray, "b d"]]]:
        if side not in self.layout.widths:
            return
        with self._access.reading():
            query = self._table.search().select([ID, vector_column(side)]).where(clause)
            for batch in query.to_batches(BLOCK):
                yield batch.column(ID), vectors_of(batch.column(vector_column(side))).rows

    def _exact(
        self, side: Modality, vector: Float32[np.ndarray, " d"], k: int, where: Condition | None
    ) -> NearestItems:
        """Return the nearest of all blocks, kept block by block."""
        best = ranked([], np.zeros((0, len(vector)), np.float32), vector, k=k)
        for ids, rows in self._blocks(side, self._clause(where, side)):
            chosen = _promising(rows @ vector, k)
            names = [*best.ids, *ids.take(pa.array(chosen)).to_pylist()]
            best = ranked(names, np.concatenate([best.vectors, rows[chosen]]), vector, k=k)
        return best

    def _approximate(
        self, side: Modality, vector: Float32[np.ndarray, " d"], k: int, where: Condition | None, effort: int
    ) -> NearestItems:
        """Return what the index finds: fewer than k where fewer in the partitions searched meet the condition."""
        if not self.indexed(side):
            raise MissingData(f"the table '{self.name}' has no approximate index of {side} vectors. Build it first.")
        column, clause = vector_column(side), self._clause(where)
        with self._access.reading():
            query = self._table.search(vector, vector_column_name=column).distance_type("dot").limit(k)
            query = query.nprobes(effort).refine_factor(REFINED).select([ID, column, "_distance"])
            rows = (query.where(clause) if clause else query).to_arrow()
        return ranked(rows.column(ID).to_pylist(), vectors_of(rows.column(column)).rows, vector, k=k)

    def _has_index(self, column: str) -> bool:
        with self._access.reading():
            return index_of(self._table, column) is not None


def _among_ids(ids: Iterable[str]) -> list[str]:
    """Return the SQL that wants one of some ids, in as many parts as they are many."""
    distinct = list(dict.fromkeys(ids))
    return [among(ID, distinct[start : start + NAMED]) for start in range(0, len(distinct), NAMED)]


def _promising(similarities: Float32[np.ndarray, " n"], k: int) -> np.ndarray:
    """Return the rows of the k largest similarities, and of all that rounding cannot tell from the least of them."""
    if len(similarities) <= k:
        return np.arange(len(similarities))
    least = np.partition(similarities, -k)[-k]
    return np.flatnonzero(similarities >= least - 1e-5 * np.abs(similarities).max())
