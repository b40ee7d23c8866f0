"""Connections to a PostgreSQL server, and its errors as ours."""

import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from diptych.errors import BadSetting, DiptychError, MissingData, StoreFailed
from diptych.index.passwords import has_loose_at
from diptych.index.postgresql.packages import (
    Connection,
    TransactionStatus,
    conninfo_to_dict,
    errors,
    make_conninfo,
    psycopg,
)

DEFAULTS = {
    "application_name": "diptych",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
"""What a URI may say otherwise: a server that is not there is noticed in seconds, one that vanishes in a minute."""

GIVE_UP = "SET idle_in_transaction_session_timeout = '60s'"
"""A writer cut off in the midst of a transaction holds up the others no longer than this."""


_ALL: "weakref.WeakSet[Sessions]" = weakref.WeakSet()
_OF_PARENTS: list[Connection] = []
"""Connections that belong to the process that this one was forked from: to close them would close its own."""


class Sessions:
    """Connections to one database, each lent to one thread at a time and kept for the next.

    A forked process makes its own.
    """

    def __init__(self, uri: str) -> None:
        options = _options(uri)
        self._options = make_conninfo("", **{**DEFAULTS, **options})
        host, port = options.get("host", "localhost"), options.get("port")
        self.place = f"{host}{f':{port}' if port else ''}/{options.get('dbname', '')}"
        """The server and the database, without the password."""
        self._idle: list[Connection] = []
        weakref.finalize(self, _close_all, self._idle)
        _ALL.add(self)

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """Lend a connection on which each statement is a transaction; errors inside become ours."""
        connection = self._taken()
        try:
            yield connection
        except psycopg.Error as error:
            raise self._explained(error, lost=connection.closed) from error
        finally:
            if connection.info.transaction_status == TransactionStatus.IDLE:
                self._idle.append(connection)
            else:
                connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend a connection inside a transaction, which is undone when the block raises."""
        with self.session() as connection, connection.transaction():
            yield connection

    def leave_to_parent(self) -> None:
        """Give up the kept connections in a forked process, without closing them."""
        _OF_PARENTS.extend(self._idle)
        self._idle.clear()

    def close(self) -> None:
        """Close the connections that nobody uses at the moment; without it they end with this object."""
        _close_all(self._idle)

    def _taken(self) -> Connection:
        """Return a connection that works: a kept one where the server still answers, or a new one."""
        while connection := _popped(self._idle):
            with suppress(psycopg.OperationalError):
                connection.execute("")
                return connection
            connection.close()
        try:
            connection = psycopg.connect(self._options, autocommit=True, prepare_threshold=None)
            connection.execute(GIVE_UP)
        except psycopg.Error as error:
            raise StoreFailed(
                f"PostgreSQL cannot be reached at {self.place}: {said(error)}. "
                "Check the URI and that the server is running, then try again."
            ) from error
        return connection

    def _explained(self, error: psycopg.Error, *, lost: bool) -> DiptychError:
        where, words = f"PostgreSQL at {self.place}", said(error)
        if lost:
            return StoreFailed(
                f"{where} broke the connection during a call: {words}. Earlier calls are kept; "
                "it is safe to repeat this call, whether or not it took effect."
            )
        if isinstance(error, errors.DiskFull):
            return StoreFailed(
                f"{where} is out of disk space: {words}. This call changed nothing. "
                "Free some space there, then try again."
            )
        if isinstance(error, errors.UndefinedTable | errors.InvalidSchemaName):
            return MissingData(
                f"{where} lacks a table that this call needs: {words}. It may have been removed in the meantime."
            )
        return StoreFailed(f"{where} refused: {words}.")


def _options(uri: str) -> dict[str, str]:
    """Return what a URI says; where it may have been torn apart within its password nothing of it is shown."""
    with suppress(psycopg.ProgrammingError):
        if not has_loose_at(uri):
            return {name: str(value) for name, value in conninfo_to_dict(uri).items() if value is not None}
    raise BadSetting(
        "PostgreSQL does not understand this URI. Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE#NAME, "
        "with %XX for characters other than letters, digits, -, . and _ in the user and the password."
    )


def said(error: psycopg.Error) -> str:
    """Return the server's own words in one line."""
    return "; ".join(str(error).splitlines()).rstrip(".?") or type(error).__name__


def _popped(connections: list[Connection]) -> Connection | None:
    """Return one of some connections, taken away from all other threads."""
    try:
        return connections.pop()
    except IndexError:
        return None


def _close_all(connections: list[Connection]) -> None:
    while connection := _popped(connections):
        connection.close()


def _begin_after_fork() -> None:
    for each in _ALL:
        each.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_after_fork)
