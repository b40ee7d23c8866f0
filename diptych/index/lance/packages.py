"""LanceDB, told to keep its warnings to itself: of empty partitions it writes a line each to stderr.

Whoever wants them sets LANCEDB_LOG, which it reads once, when it is imported.
"""

import os

os.environ.setdefault("LANCEDB_LOG", "error")

import lancedb

__all__ = ["lancedb"]
