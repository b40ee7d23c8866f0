"""Collections in PostgreSQL with pgvector: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE#NAME`.

A collection NAME is the schema `diptych_NAME`, so that none that was there before, `public` for one, is ever filled or
dropped. In it `record` has one row, `tables` one for each table of items (its layout, its columns of metadata, its
version), and the items themselves are in `items_TABLE`.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

from typing_extensions import override

from diptych.errors import BadSetting, MissingData, StoreFailed
from diptych.index.address import split_uri
from diptych.index.contract import Layout, Store
from diptych.index.postgresql.packages import Connection, Jsonb, errors
from diptych.index.postgresql.sessions import Sessions, said
from diptych.index.postgresql.table import PostgresqlTable
from diptych.index.postgresql.vectors import quoted

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
"""What a table may be called: PostgreSQL cuts off names beyond 63 letters, those of indices among them."""
OLDEST_PGVECTOR = (0, 8)
"""The version that brought searches which go on until enough items meet a filter."""


def open_store(uri: str) -> "PostgresqlStore":
    """Return the store of one collection in a database; nothing is connected to yet."""
    return PostgresqlStore(uri)


class PostgresqlStore(Store):
    """A schema of a database."""

    def __init__(self, uri: str) -> None:
        place = split_uri(uri)
        self.uri = uri
        self._schema = f"diptych_{place.name}"
        self._record = quoted(self._schema, "record")
        self._catalogue = quoted(self._schema, "tables")
        self._sessions = Sessions(place.rest)

    @override
    def record(self) -> dict[str, Any] | None:
        rows = self._fetched(self._record, f"SELECT value FROM {self._record}")
        return rows[0][0] if rows else None

    @override
    def remember(self, record: Mapping[str, Any]) -> None:
        with self._sessions.transaction() as connection:
            self._prepare(connection)
            query = (
                f"INSERT INTO {self._record} VALUES (true, %s) ON CONFLICT (sole) DO UPDATE SET value = EXCLUDED.value"
            )
            connection.execute(query, (Jsonb(dict(record)),))

    @override
    def tables(self) -> list[str]:
        return sorted(name for (name,) in self._fetched(self._catalogue, f"SELECT name FROM {self._catalogue}"))

    @override
    def create_table(self, name: str, layout: Layout) -> PostgresqlTable:
        if not NAME.fullmatch(name):
            raise BadSetting(
                f"a table name must be up to 40 letters, digits and _, not starting with a digit; got '{name}'."
            )
        self._extend()
        table = PostgresqlTable(self._sessions, self._schema, name, layout)
        record = {"widths": dict(layout.widths), "half": layout.half}
        with self._sessions.transaction() as connection:
            self._prepare(connection)
            query = f"INSERT INTO {self._catalogue} VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
            if not connection.execute(query, (name, Jsonb(record), Jsonb({}), uuid.uuid4())).rowcount:
                raise BadSetting(f"the collection already has a table '{name}'. Drop it first, or choose another name.")
            table.create(connection)
        return table

    @override
    def table(self, name: str) -> PostgresqlTable:
        rows = self._fetched(self._catalogue, f"SELECT layout FROM {self._catalogue} WHERE name = %s", name)
        if not rows:
            raise MissingData(f"the collection has no table '{name}'. There are: {', '.join(self.tables()) or 'none'}.")
        return PostgresqlTable(self._sessions, self._schema, name, Layout(**rows[0][0]))

    @override
    def drop_table(self, name: str) -> None:
        if name not in self.tables():
            return
        with self._sessions.transaction() as connection:
            connection.execute(f"DELETE FROM {self._catalogue} WHERE name = %s", (name,))
            connection.execute(f"DROP TABLE IF EXISTS {quoted(self._schema, f'items_{name}')}")

    @override
    def drop(self) -> None:
        with self._sessions.session() as connection:
            connection.execute(f"DROP SCHEMA IF EXISTS {quoted(self._schema)} CASCADE")

    @override
    def close(self) -> None:
        self._sessions.close()

    def _fetched(self, relation: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return rows of the record or the catalogue; none where the collection has not been made."""
        try:
            with self._sessions.session() as connection:
                return connection.execute(query, parameters).fetchall()
        except MissingData:
            return []

    def _prepare(self, connection: Connection) -> None:
        """Make the schema with its record and catalogue where they are not there yet; one process at a time does."""
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StoreFailed(
                f"the database at {self._sessions.place} uses the encoding {encoding}, which lacks most characters. "
                "Create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
            )
        connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self._schema,))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(self._schema)}")
        sole = "sole boolean PRIMARY KEY DEFAULT true CHECK (sole)"
        connection.execute(f"CREATE TABLE IF NOT EXISTS {self._record} ({sole}, value jsonb NOT NULL)")
        columns = "name text PRIMARY KEY, layout jsonb NOT NULL, columns jsonb NOT NULL, version uuid NOT NULL"
        connection.execute(f"CREATE TABLE IF NOT EXISTS {self._catalogue} ({columns})")

    def _extend(self) -> None:
        """Make sure that the database has pgvector, and that it is new enough."""
        lacking = (errors.FeatureNotSupported, errors.UndefinedFile, errors.InsufficientPrivilege)
        with self._sessions.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtext('vector'))")
            try:
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
            except lacking as error:
                raise StoreFailed(
                    f"the database at {self._sessions.place} has no pgvector: {said(error)}. Install pgvector on its "
                    "server and have its administrator run: CREATE EXTENSION vector."
                ) from error
            query = "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
            ((version,),) = connection.execute(query).fetchall()
        if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_PGVECTOR:
            raise StoreFailed(
                f"the database at {self._sessions.place} has pgvector {version}; 0.8 or newer is required. "
                "Install a newer one on its server and have its administrator run: ALTER EXTENSION vector UPDATE."
            )
