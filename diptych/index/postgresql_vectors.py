"""The vectors of one side as a column of PostgreSQL: its type, how it travels, its approximate index."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from diptych.errors import BadSetting, StoreFailed
from diptych.index.checking import in_precision
from diptych.index.contract import Layout
from diptych.index.items import Side, Vectors
from diptych.index.postgresql_packages import Connection, HalfVector, Vector

WIDEST_IN_FULL, WIDEST = 2000, 4000
"""Numbers in a vector, at most, that an index takes as they are, and in half precision."""
LEAST_MEMORY, MOST_MEMORY = 64 * 1024, 2 * 1024 * 1024 - 1
"""Kilobytes that building an index may use."""
NODE = 1000
"""Bytes that an item takes in the index beside its vector, about."""


def quoted(*names: str) -> str:
    """Return a name as SQL writes it, with the schema before it.

    >>> quoted("diptych_museum", "items")
    '"diptych_museum"."items"'
    """
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


@dataclass(frozen=True)
class VectorColumn:
    """One side's vectors in a table."""

    side: Side
    width: int
    half: bool

    @classmethod
    def of(cls, layout: Layout) -> dict[Side, "VectorColumn"]:
        """Return the columns that a layout asks for."""
        return {side: cls(side, width, layout.half) for side, width in layout.widths.items()}

    @property
    def name(self) -> str:
        """The column's name."""
        return f"{self.side}_vector"

    @property
    def kind(self) -> str:
        """The type of its cells, but for the width."""
        return "halfvec" if self.half else "vector"

    @property
    def sent(self) -> str:
        """SQL for a cell as bytes that `stacked` reads."""
        return f"{self.kind}_send({self.name})"

    @property
    def distance(self) -> str:
        """SQL for the negative inner product with the one parameter, which stays in full precision."""
        return f"{self.name}::vector <#> %s::vector"

    @property
    def indexed_kind(self) -> str:
        """The type of the index's vectors."""
        return "vector" if not self.half and self.width <= WIDEST_IN_FULL else "halfvec"

    @property
    def indexed(self) -> str:
        """SQL for what the index holds; a search has to use the same words."""
        return self.name if self.kind == self.indexed_kind else f"({self.name}::{self.indexed_kind}({self.width}))"

    @property
    def indexed_distance(self) -> str:
        """SQL for the negative inner product as the index orders by it."""
        return f"{self.indexed} <#> %s::{self.indexed_kind}"

    @property
    def _coder(self) -> type[Vector] | type[HalfVector]:
        return HalfVector if self.half else Vector

    def packed(self, vectors: Vectors) -> list[bytes | None]:
        """Return vectors as binary `COPY` carries them, None for those that are not there."""
        numbers = in_precision(self.side, vectors, half=self.half)
        return [self._coder(row).to_binary() if p else None for row, p in zip(numbers, vectors.present, strict=True)]

    def stacked(self, cells: Sequence[bytes | None]) -> Float32[np.ndarray, "n d"]:
        """Return the vectors that `sent` gave, zero where there is none."""
        rows = np.zeros((len(cells), self.width), np.float32)
        for row, cell in zip(rows, cells, strict=True):
            if cell is not None:
                row[:] = self._coder.from_binary(cell).to_numpy()
        return rows


def as_parameter(vector: Float32[np.ndarray, " d"]) -> str:
    """Return a vector as text, to be cast to either type."""
    text: str = Vector(vector).to_text()
    return text


def is_indexed(connection: Connection, schema: str, table: str, column: VectorColumn) -> bool:
    """Return whether a column has an approximate index that is whole."""
    query = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid)"
    ((found,),) = connection.execute(query, (_index(schema, table, column),)).fetchall()
    return bool(found)


def build(connection: Connection, schema: str, table: str, column: VectorColumn) -> None:
    """Build a column's approximate index anew, beside the old one; searches and writers go on.

    What a builder that was killed left behind is taken away first.
    """
    if column.width > WIDEST:
        raise BadSetting(
            f"PostgreSQL has no approximate index for vectors of more than {WIDEST} numbers; those of the "
            f"{column.side} side have {column.width}. Reduce them, or search exactly."
        )
    index = _index(schema, table, column)
    with _alone(connection, index), _memory(connection, quoted(schema, table), column):
        for leftover in ("_ccnew", "_ccold"):
            connection.execute(f"DROP INDEX IF EXISTS {_index(schema, table, column, leftover)}")
        if is_indexed(connection, schema, table, column):
            connection.execute(f"REINDEX INDEX CONCURRENTLY {index}")
            return
        connection.execute(f"DROP INDEX IF EXISTS {index}")
        connection.execute(
            f"CREATE INDEX CONCURRENTLY {quoted(f'{table}_{column.name}')} ON {quoted(schema, table)} "
            f"USING hnsw ({column.indexed} {column.indexed_kind}_ip_ops)"
        )


def _index(schema: str, table: str, column: VectorColumn, ending: str = "") -> str:
    return quoted(schema, f"{table}_{column.name}{ending}")


@contextmanager
def _alone(connection: Connection, index: str) -> Iterator[None]:
    """Keep other builders of the same index out."""
    ((free,),) = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (index,)).fetchall()
    if not free:
        raise StoreFailed(f"somebody else is building the index {index} at this moment. Wait until it is there.")
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(hashtext(%s))", (index,))


@contextmanager
def _memory(connection: Connection, table: str, column: VectorColumn) -> Iterator[None]:
    """Let an index be built in memory, as much as it is likely to need."""
    ((count,),) = connection.execute(f"SELECT count({column.name}) FROM {table}").fetchall()
    wanted = count * (column.width * 4 + NODE) // 1024
    kilobytes = min(max(wanted, LEAST_MEMORY), MOST_MEMORY)
    connection.execute("SELECT set_config('maintenance_work_mem', %s, false)", (str(kilobytes),))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("RESET maintenance_work_mem")
