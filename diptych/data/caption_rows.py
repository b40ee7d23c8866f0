"""Joins the rows of one picture: a manifest with a row for each caption describes an item in several rows."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from posixpath import normpath
from typing import TypeVar

import numpy as np

from diptych.data.column_names import Row

Item = TypeVar("Item")


def picture_key(row: Row) -> str | None:
    """Return what the rows of one picture share: its path or URL, and its id if they have one.

    None for a row that names no picture, or holds it.

    >>> picture_key({"image": "./cats/1.jpg", "text": "a cat"}) == picture_key({"image": "cats/1.jpg"})
    True
    """
    named, identity = row.get("image"), row.get("id")
    return f"{'' if identity is None else identity}\0{normpath(named)}" if named and isinstance(named, str) else None


class RowCounts:
    """How many rows each picture of a manifest has, in 16 bytes for each picture that has several."""

    def __init__(self, rows: Iterable[Row]) -> None:
        keys = (picture_key(row) for row in rows)
        hashes = np.fromiter((_hash(key) for key in keys if key is not None), dtype=np.uint64)
        self._hashes, self._counts = np.unique(hashes, return_counts=True)
        several = self._counts > 1
        self._hashes, self._counts = self._hashes[several], self._counts[several]

    def __getitem__(self, key: str | None) -> int:
        """Return how many rows have a key; 1 for those without one."""
        if key is None or not len(self._hashes):
            return 1
        place = int(np.searchsorted(self._hashes, np.uint64(_hash(key))))
        found = place < len(self._hashes) and int(self._hashes[place]) == _hash(key)
        return int(self._counts[place]) if found else 1


def joined_rows(
    described: Iterable[tuple[str | None, Item | None]], counts: RowCounts, join: Callable[[Item, Item], Item]
) -> Iterator[Item]:
    """Yield what rows with these keys describe, that of one picture joined once its last row came; None for nothing.

    The others keep their order, and only pictures with rows still to come are in memory.
    """
    waiting: dict[str | None, tuple[Item | None, int]] = {}
    for key, item in described:
        first, left = waiting.pop(key, (None, counts[key]))
        whole = first if item is None else item if first is None else join(first, item)
        if left > 1:
            waiting[key] = whole, left - 1
        elif whole is not None:
            yield whole
    # the file grew shorter between the two readings
    yield from (item for item, _ in waiting.values() if item is not None)


def joined_neighbours(
    described: Iterable[tuple[str | None, Item | None]],
    join: Callable[[Item, Item], Item],
    *,
    late: Callable[[Item], None],
) -> Iterator[Item]:
    """Yield the same for rows that come only once, of which those of one picture must follow one another.

    `late` takes what describes a picture whose other rows have gone by.
    """
    gone: set[int] = set()
    last: tuple[str, Item] | None = None
    for key, item in described:
        if item is None:
            continue
        if last is not None and key == last[0]:
            last = last[0], join(last[1], item)
            continue
        if last is not None:
            gone.add(_hash(last[0]))
            yield last[1]
        last = None
        if key is None:
            yield item
        elif _hash(key) in gone:
            late(item)
        else:
            last = key, item
    if last is not None:
        yield last[1]


def _hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
