"""The packages that the extra `postgres` brings, imported in one place."""

from diptych.errors import MissingExtra

try:
    import psycopg
    from pgvector import HalfVector, Vector
    from psycopg import Connection, errors
    from psycopg.conninfo import conninfo_to_dict, make_conninfo
    from psycopg.pq import TransactionStatus
    from psycopg.types.json import Jsonb
except ImportError as error:
    package = (error.name or "psycopg").partition(".")[0]
    raise MissingExtra.named("postgres", wanted_by="collections in PostgreSQL", package=package) from error

__all__ = [
    "Connection",
    "HalfVector",
    "Jsonb",
    "TransactionStatus",
    "Vector",
    "conninfo_to_dict",
    "errors",
    "make_conninfo",
    "psycopg",
]
