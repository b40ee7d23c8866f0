"""Fixtures for every test of stores."""

from .servers_milvus import milvus_lite_server, milvus_process, milvus_server
from .servers_postgresql import postgresql_server
from .stores import filled, kind, new_uri, several_processes, shared_store, store

__all__ = [
    "filled", "kind", "milvus_lite_server", "milvus_process", "milvus_server", "new_uri", "postgresql_server",
    "several_processes", "shared_store", "store",
]  # fmt: skip
