"""One table of items in PostgreSQL: the metadata in one `jsonb`, a vector for each side or NULL.

Writers take turns: each first sends what it brings into a table of its own, then changes the version, for which the
next writer waits. So no two can block each other, and a version names one state of the table.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from jaxtyping import Float32
from typing_extensions import override

from diptych.errors import BadSetting, MissingData
from diptych.index.conditions import Columns, Condition
from diptych.index.contract import Layout, NearestItems, Table
from diptych.index.items import Items
from diptych.index.nearest import ranked
from diptych.index.postgresql.conditions import EVERYTHING, NOTHING, Clause, both, clause_of
from diptych.index.postgresql.items import build, compact, create, definition, is_indexed
from diptych.index.postgresql.packages import Connection, Jsonb
from diptych.index.postgresql.rows import PARTS, items_of, rows_of
from diptych.index.postgresql.sessions import Sessions
from diptych.index.postgresql.vectors import VectorColumn, as_parameter, quoted
from diptych.index.refusals import check_items, check_width, new_columns
from diptych.modality import Modality

BLOCK = 4096
"""Vectors fetched at a time."""
SPARE = 64
"""Items fetched beyond the k wanted, for rounding may swap neighbours at the end of the server's ranking."""


class PostgresqlTable(Table):
    """Items in one SQL table."""

    efforts = (40, 80, 160, 320, 640, 1000)

    def __init__(self, sessions: Sessions, schema: str, name: str, layout: Layout) -> None:
        self.name = name
        self.layout = layout
        self._sessions = sessions
        self._schema = schema
        self._table = f"items_{name}"
        self._items = quoted(schema, self._table)
        self._catalogue = quoted(schema, "tables")
        self._vectors = VectorColumn.of(layout)

    def create(self, connection: Connection) -> None:
        """Make the SQL table, empty; an index helps with conditions that ask for equality."""
        create(connection, self._schema, self._table, self._vectors.values())

    @override
    def columns(self) -> Columns:
        with self._sessions.session() as connection:
            columns: Columns = self._catalogued(connection, "columns")
            return columns

    @override
    def widen(self, columns: Columns) -> None:
        with self._writing() as connection:
            new = new_columns(self._catalogued(connection, "columns"), columns)
            query = f"UPDATE {self._catalogue} SET columns = columns || %s WHERE name = %s"
            connection.execute(query, (Jsonb(dict(new)), self.name))

    @override
    def narrow(self) -> None:
        with self._writing() as connection:
            used = f"SELECT DISTINCT jsonb_object_keys(metadata) FROM {self._items}"
            empty = set(self._catalogued(connection, "columns")) - {name for (name,) in connection.execute(used)}
            query = f"UPDATE {self._catalogue} SET columns = columns - %s::text[] WHERE name = %s"
            connection.execute(query, (sorted(empty), self.name))

    @override
    def write(self, items: Items) -> None:
        if not items.ids:
            return
        vectors = list(self._vectors.values())
        names = (*PARTS, *(column.name for column in vectors))
        columns, changes = ", ".join(names), ", ".join(f"{name} = EXCLUDED.{name}" for name in names)
        with self._sessions.transaction() as connection:
            check_items(items, self.layout, self._catalogued(connection, "columns"))
            connection.execute(f"CREATE TEMP TABLE brought ({definition(self._vectors.values())}) ON COMMIT DROP")
            with connection.cursor().copy(f"COPY pg_temp.brought ({columns}) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types([*PARTS.values(), *("bytea" for _ in vectors)])
                for row in rows_of(items, vectors):
                    copy.write_row(row)
            self._take_turn(connection)
            connection.execute(
                f"INSERT INTO {self._items} ({columns}) SELECT {columns} FROM pg_temp.brought "
                f"ON CONFLICT (id) DO UPDATE SET {changes}"
            )

    @override
    def remove(self, ids: Sequence[str]) -> int:
        with self._writing() as connection:
            return connection.execute(f"DELETE FROM {self._items} WHERE id = ANY(%s::text[])", (list(ids),)).rowcount

    @override
    def count(self, *, where: Condition | None = None, side: Modality | None = None) -> int:
        number: int = self._selected("count(*)", self._meeting(where, side))[0][0]
        return number

    @override
    def ids(self, *, where: Condition | None = None, side: Modality | None = None) -> list[str]:
        return [row[0] for row in self._selected("id", self._meeting(where, side), "ORDER BY id")]

    @override
    def contents(self, ids: Sequence[str] | None = None) -> dict[str, str]:
        named = EVERYTHING if ids is None else Clause("id = ANY(%s::text[])", (list(ids),))
        return dict(self._selected("id, content", named))

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
        clause, order, named, columns = clause_of(where), "id", "", [self._column(side) for side in vectors]
        if after is not None:
            clause = both(clause, Clause("id > %s::text", (after,)))
        if ids is not None:
            order, named = "place", "JOIN unnest(%s::text[]) WITH ORDINALITY AS named(id, place) USING (id)"
            clause = Clause(clause.sql, (list(dict.fromkeys(ids)), *clause.parameters))
        shown = ", ".join((*PARTS, *(column.sent for column in columns)))
        query = f"SELECT {shown} FROM {self._items} {named} WHERE {clause.sql} ORDER BY {order} LIMIT %s"
        return items_of(self._fetched(query, (*clause.parameters, limit)), columns)

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
        """Return the k items with the largest inner product; fewer only where fewer meet the condition.

        The server ranks by sums in single precision; more than k come, and sums in double precision decide among them.
        An approximate search goes on through the index until it has enough that meet the condition. Where the index
        gives fewer than k, because hardly any do, all items are compared.
        """
        check_width(self.layout, side, len(vector))
        column, clause = self._column(side), self._meeting(where, side)
        if effort is not None:
            limit = k if column.kind == column.indexed_kind else 2 * k + SPARE
            settings = {"hnsw.ef_search": str(effort), "hnsw.iterative_scan": "relaxed_order"}
            rows = self._ordered(column, column.indexed_distance, vector, clause, limit, settings)
            if len(rows) >= k:
                return _scored(rows, column, vector, k)
        order, settings = f"{column.distance}, id", {"enable_indexscan": "off"}
        return _scored(self._ordered(column, order, vector, clause, k + SPARE, settings), column, vector, k)

    @override
    def matching(self, words: str, side: Modality, *, k: int, where: Condition | None = None) -> list[str]:
        """Return the best matches by `ts_rank_cd`, the texts of an item taken together; all items are read through."""
        clause = self._meeting(where, side)
        texts, query = "to_tsvector('english', array_to_string(texts, E'\\n'))", "plainto_tsquery('english', %s::text)"
        either = f"replace({query}::text, '&', '|')::tsquery"  # some of the words, where it asks for all
        found = f"SELECT id, ts_rank_cd({texts}, {either}) AS score FROM {self._items} WHERE {clause.sql}"
        best = f"SELECT id FROM ({found}) AS found WHERE score > 0 ORDER BY score DESC, id LIMIT %s"
        return [row[0] for row in self._fetched(best, (words, *clause.parameters, k))]

    @override
    def blocks(self, side: Modality) -> Iterator[tuple[list[str], Float32[np.ndarray, "b d"]]]:
        column, last = self._column(side), ""
        while True:
            clause = both(self._meeting(None, side), Clause("id > %s::text", (last,)))
            rows = self._selected(f"id, {column.sent}", clause, f"ORDER BY id LIMIT {BLOCK}")
            if not rows:
                return
            last = rows[-1][0]
            yield [row[0] for row in rows], column.stacked([row[1] for row in rows])

    @override
    def version(self) -> str | None:
        with self._sessions.session() as connection:
            return str(self._catalogued(connection, "version"))

    @override
    def build_index(self, side: Modality) -> None:
        with self._sessions.session() as connection:
            build(connection, self._schema, self._table, self._column(side))

    @override
    def indexed(self, side: Modality) -> bool:
        with self._sessions.session() as connection:
            return is_indexed(connection, self._schema, self._table, self._column(side))

    @override
    def compact(self) -> None:
        """Give back the space of what was replaced and removed, and make anew indices that are mostly of such items.

        A table that is much larger than its items is written anew beside the old one. Searches go on; writers wait.
        """
        with self._sessions.session() as connection:
            compact(connection, self._schema, self._table, self._vectors.values(), hold_writers=self._hold_writers)

    @override
    def bytes(self) -> int:
        ((size,),) = self._fetched("SELECT pg_total_relation_size(%s::regclass)", (self._items,))
        return int(size)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._sessions.transaction() as connection:
            self._take_turn(connection)
            yield connection

    def _take_turn(self, connection: Connection) -> None:
        """Wait until no other writer is at the table, and change its version."""
        query = f"UPDATE {self._catalogue} SET version = %s WHERE name = %s"
        if not connection.execute(query, (uuid.uuid4(), self.name)).rowcount:
            raise self._gone()

    def _hold_writers(self, connection: Connection) -> None:
        """Let no other writer take its turn before the transaction ends."""
        self._catalogued(connection, "name", "FOR UPDATE")

    def _catalogued(self, connection: Connection, what: str, rest: str = "") -> Any:
        """Return what the catalogue says of this table; `rest` ends the query."""
        query = f"SELECT {what} FROM {self._catalogue} WHERE name = %s {rest}"
        row = connection.execute(query, (self.name,)).fetchone()
        if row is None:
            raise self._gone()
        return row[0]

    def _column(self, side: Modality) -> VectorColumn:
        if side not in self._vectors:
            raise BadSetting(f"the table '{self.name}' stores no {side} vectors.")
        return self._vectors[side]

    def _gone(self) -> MissingData:
        return MissingData(f"the table '{self.name}' was removed from the collection. Open the collection again.")

    def _meeting(self, where: Condition | None, side: Modality | None) -> Clause:
        """Return the clause for items that meet a condition and have a side."""
        if side is None:
            return clause_of(where)
        return both(
            clause_of(where), Clause(f"{self._vectors[side].name} IS NOT NULL") if side in self._vectors else NOTHING
        )

    def _selected(self, what: str, clause: Clause, rest: str = "") -> list[tuple[Any, ...]]:
        return self._fetched(f"SELECT {what} FROM {self._items} WHERE {clause.sql} {rest}", clause.parameters)

    def _fetched(self, query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._sessions.session() as connection:
            return connection.execute(query, parameters, binary=True).fetchall()

    def _ordered(
        self,
        column: VectorColumn,
        order: str,
        vector: Float32[np.ndarray, " d"],
        clause: Clause,
        limit: int,
        settings: Mapping[str, str],
    ) -> list[tuple[Any, ...]]:
        """Return the ids and vectors that come first in an order, found under settings of the server."""
        query = f"SELECT id, {column.sent} FROM {self._items} WHERE {clause.sql} ORDER BY {order} LIMIT {limit}"
        with self._sessions.transaction() as connection:
            for name, value in settings.items():
                connection.execute("SELECT set_config(%s, %s, true)", (name, value))
            return connection.execute(query, (*clause.parameters, as_parameter(vector)), binary=True).fetchall()


def _scored(
    rows: Sequence[tuple[Any, ...]], column: VectorColumn, vector: Float32[np.ndarray, " d"], k: int
) -> NearestItems:
    return ranked([row[0] for row in rows], column.stacked([row[1] for row in rows]), vector, k=k)
