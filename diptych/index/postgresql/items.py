"""The SQL table that holds items, and its approximate indices: made, made anew, measured.

Both are made anew beside the old ones, so that searches go on. One process at a time does so with a table.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from diptych.errors import BadSetting, StoreFailed
from diptych.index.postgresql.packages import Connection, TransactionStatus
from diptych.index.postgresql.rows import PARTS
from diptych.index.postgresql.vectors import VectorColumn, quoted

WIDEST = 4000
"""Numbers in a vector, at most, that an index takes in half precision."""
LEAST_MEMORY, MOST_MEMORY = 64 * 1024, 2 * 1024 * 1024 - 1
"""Kilobytes that building an index may use."""
NODE = 1000
"""Bytes that an item takes in the index beside its vector, about."""
ROW = 100
"""Bytes that an item takes in the table beside what it holds, about."""
LOOSE, LITTLE = 2, 2**20
"""A table or index is made anew where it is more than so many times as large as need be, and so many bytes."""


def definition(columns: Collection[VectorColumn]) -> str:
    """Return the columns of a table of items as SQL defines them."""
    rules = {"id": ' COLLATE "C" PRIMARY KEY', "image": ""}
    parts = [f"{name} {kind}{rules.get(name, ' NOT NULL')}" for name, kind in PARTS.items()]
    return ", ".join([*parts, *(f"{column.name} {column.kind}({column.width})" for column in columns)])


def create(connection: Connection, schema: str, table: str, columns: Collection[VectorColumn]) -> None:
    """Make the SQL table, empty; an index helps with conditions that ask for equality."""
    connection.execute(f"CREATE TABLE {quoted(schema, table)} ({definition(columns)})")
    connection.execute(f"CREATE INDEX ON {quoted(schema, table)} USING gin (metadata jsonb_path_ops)")


def compact(
    connection: Connection,
    schema: str,
    table: str,
    columns: Collection[VectorColumn],
    *,
    hold_writers: Callable[[Connection], object],
) -> None:
    """Vacuum a table; where it has become much larger than its items, and so an index, make it anew.

    Searches go on. `hold_writers` keeps writers away until the end of the transaction that it is called in. Where
    another process is at it, the rest is left to that one.
    """
    connection.execute(f"VACUUM (ANALYZE) {quoted(schema, table)}")
    with _alone(connection, quoted(schema, table)) as free:
        if not free:
            return
        if _is_loose(connection, schema, table, columns):
            with connection.transaction():
                hold_writers(connection)
                _rewrite(connection, schema, table, columns)
        for column in columns:
            if _is_fragmented(connection, schema, table, column):
                build(connection, schema, table, column)


def _is_loose(connection: Connection, schema: str, table: str, columns: Collection[VectorColumn]) -> bool:
    """Return whether a table takes much more room than its items need, however often it is vacuumed."""
    sizes = " + ".join(f"coalesce(pg_column_size({name}), 0)" for name in (*PARTS, *(c.name for c in columns)))
    query = f"SELECT count(*), coalesce(sum({sizes}), 0), pg_table_size(%s) FROM {quoted(schema, table)}"
    ((count, held, size),) = connection.execute(query, (quoted(schema, table),)).fetchall()
    return bool(size > LOOSE * (held + count * ROW) + LITTLE)


def _rewrite(connection: Connection, schema: str, table: str, columns: Collection[VectorColumn]) -> None:
    """Put a copy of a table, indices included, in its place; inside a transaction that keeps writers away.

    Searches are held up by the last step alone, and it waits for those that are under way.
    """
    new = f"{table}_new"
    create(connection, schema, new, columns)
    names = ", ".join((*PARTS, *(column.name for column in columns)))
    connection.execute(
        f"INSERT INTO {quoted(schema, new)} ({names}) SELECT {names} FROM {quoted(schema, table)} ORDER BY id"
    )
    indexed = [column for column in columns if is_indexed(connection, schema, table, column)]
    for column in indexed:
        with _memory(connection, quoted(schema, new), column):
            connection.execute(f"CREATE INDEX {quoted(_name(new, column))} ON {_method(schema, new, column)}")
    connection.execute(f"ANALYZE {quoted(schema, new)}")
    connection.execute(f"DROP TABLE {quoted(schema, table)}")
    connection.execute(f"ALTER TABLE {quoted(schema, new)} RENAME TO {quoted(table)}")
    for column in indexed:
        connection.execute(f"ALTER INDEX {quoted(schema, _name(new, column))} RENAME TO {quoted(_name(table, column))}")


def is_indexed(connection: Connection, schema: str, table: str, column: VectorColumn) -> bool:
    """Return whether a column has an approximate index that is whole."""
    query = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid)"
    ((exists,),) = connection.execute(query, (quoted(schema, _name(table, column)),)).fetchall()
    return bool(exists)


def _is_fragmented(connection: Connection, schema: str, table: str, column: VectorColumn) -> bool:
    """Return whether a column has an approximate index that takes much more room than its vectors need there."""
    if not is_indexed(connection, schema, table, column):
        return False
    query = f"SELECT count({column.name}), pg_relation_size(%s) FROM {quoted(schema, table)}"
    ((count, size),) = connection.execute(query, (quoted(schema, _name(table, column)),)).fetchall()
    number = 4 if column.indexed_kind == "vector" else 2
    return bool(size > LOOSE * count * (column.width * number + NODE) + LITTLE)


def build(connection: Connection, schema: str, table: str, column: VectorColumn) -> None:
    """Build a column's approximate index anew, beside the old one; searches and writers go on.

    What a builder that was killed left behind is taken away first.
    """
    if column.width > WIDEST:
        raise BadSetting(
            f"PostgreSQL has no approximate index for vectors of more than {WIDEST} numbers; those of the "
            f"{column.side} side have {column.width}. Reduce them, or search exactly."
        )
    index = quoted(schema, _name(table, column))
    with _alone(connection, quoted(schema, table)) as free, _memory(connection, quoted(schema, table), column):
        if not free:
            raise StoreFailed(f"another process is building {index} or another index. Wait until it is done.")
        for leftover in ("_ccnew", "_ccold"):
            connection.execute(f"DROP INDEX IF EXISTS {quoted(schema, _name(table, column) + leftover)}")
        if is_indexed(connection, schema, table, column):
            connection.execute(f"REINDEX INDEX CONCURRENTLY {index}")
            return
        connection.execute(f"DROP INDEX IF EXISTS {index}")
        connection.execute(
            f"CREATE INDEX CONCURRENTLY {quoted(_name(table, column))} ON {_method(schema, table, column)}"
        )


@contextmanager
def _alone(connection: Connection, table: str) -> Iterator[bool]:
    """Keep other processes from building indices of a table and from rewriting it; yield whether none does so now."""
    ((free,),) = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (table,)).fetchall()
    try:
        yield free
    finally:
        if free and not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(hashtext(%s))", (table,))


def _name(table: str, column: VectorColumn) -> str:
    """Return what the approximate index of a column is called."""
    return f"{table}_{column.name}"


def _method(schema: str, table: str, column: VectorColumn) -> str:
    """Return what a column's approximate index is of, and how it is made, as SQL."""
    return f"{quoted(schema, table)} USING hnsw ({column.indexed} {column.indexed_kind}_ip_ops)"


@contextmanager
def _memory(connection: Connection, table: str, column: VectorColumn) -> Iterator[None]:
    """Let an index be built in memory, as much as it is likely to need."""
    ((count,),) = connection.execute(f"SELECT count({column.name}) FROM {table}").fetchall()
    estimate = count * (column.width * 4 + NODE) // 1024
    kilobytes = min(max(estimate, LEAST_MEMORY), MOST_MEMORY)
    connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", (str(kilobytes),))
    try:
        yield
    finally:
        if connection.info.transaction_status in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
            connection.execute("RESET maintenance_work_mem")
