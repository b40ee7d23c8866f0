"""Fixtures for every test of stores."""

from .servers_postgresql import postgresql_server
from .stores import filled, kind, new_uri, shared_store, store

__all__ = [
    "filled", "kind", "new_uri", "postgresql_server",
    "shared_store", "store",
]  # fmt: skip
