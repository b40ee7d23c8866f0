"""Keeping a Lance table quick: small files are put together, indices follow, old files go.

Each write leaves files of its own, through which all later reads go: without upkeep a block of items takes the longer,
the more blocks came before it.
"""

from datetime import timedelta
from pathlib import Path
from shutil import disk_usage
from typing import Any

from lancedb.index import BTree

from diptych.index.conditions import ID
from diptych.index.lance.access import TableAccess

MANY = 10_000
"""Items from which on their ids get an index, which makes writing among them faster."""
SCATTERED = 128
"""Small files from which on they are put together."""
FULL = 2**20
"""Items of a file that is not put together with others any more."""
INDICES = 0.5
"""The share of a table that its indices have at most, all of which may be written anew."""
COVERED = 40
"""How many times as many ids as it lacks their index must have, to be faster than a look at all of them."""
SAFE_AGE = timedelta(hours=1)
"""Age of a version from which on nobody reads it, even where readers never rest."""
ANY_AGE = timedelta(milliseconds=1)


def scattered(table: Any, folder: Path) -> bool:
    """Return whether a table has many small files, and the disk of its folder room to put them together."""
    stats = table.stats()
    if stats["fragment_stats"]["num_small_fragments"] < SCATTERED:
        return False
    anew = min(1.0, FULL / stats["num_rows"]) if stats["num_rows"] else 1.0
    return bool(disk_usage(folder).free > (2 * anew + INDICES) * stats["total_bytes"])


def gather(table: Any, access: TableAccess) -> None:
    """Put files together, take new items into the indices and remove what nobody reads any more; a writer does it."""
    if table.count_rows() >= MANY and index_of(table, ID) is None:
        table.create_index(ID, config=BTree())
    table.optimize()
    with access.alone() as alone:
        table.optimize(cleanup_older_than=ANY_AGE if alone else SAFE_AGE, delete_unverified=alone)


def covers_ids(table: Any) -> bool:
    """Return whether the index of ids has so many of them that it is faster than a look at all."""
    if (name := index_of(table, ID)) is None:
        return False
    stats = table.index_stats(name)
    return bool(stats.num_indexed_rows > COVERED * stats.num_unindexed_rows)


def index_of(table: Any, column: str) -> str | None:
    """Return the name of a column's index, or None where it has none."""
    return next((index.name for index in table.list_indices() if index.columns == [column]), None)
