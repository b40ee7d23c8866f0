"""The write fence: any process may write to a collection while it moves to another model.

A move (`diptych.collection.reencoding`) fills a second table and then switches the collection to it. Before it compares
the two tables for the last time, it raises a fence in the record. After each write, a writer reads the record again,
waits while the fence stands, and if the collection has moved, writes to its new table too. Every acknowledged write is
therefore in the table that is searched from then on. The fence has a deadline, so that a killed move blocks no writer.
"""

import time
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar, runtime_checkable

PAUSE = 0.05
"""Seconds after which a waiting writer reads the record again."""


@runtime_checkable
class FencedRecord(Protocol):
    """The part of a collection's record that writers need."""

    @property
    def version(self) -> tuple[str, str]:
        """Return the table and the model's digest, which change when the collection moves."""
        ...

    @property
    def fence_until(self) -> float:
        """Return when the write fence ends, in seconds since 1970."""
        ...


Record = TypeVar("Record", bound=FencedRecord)


def fenced(record: FencedRecord) -> bool:
    """Return whether a write fence stands."""
    return record.fence_until > time.time()


class RecordFollower(Generic[Record]):
    """Follows the record of a collection for one writer."""

    def __init__(self, read: Callable[[], Record]) -> None:
        self._read = read
        self.record = read()
        """The record to write by."""

    def moved(self) -> bool:
        """Return whether the last writes must be repeated under another record; waits while the fence stands."""
        record = self._read()
        while fenced(record):
            time.sleep(PAUSE)
            record = self._read()
        before, self.record = self.record.version, record
        return record.version != before


def records_to_write_by(read: Callable[[], Record]) -> Iterator[Record]:
    """Yield the record to write by, and after each write the next record to repeat it under, if any."""
    follower = RecordFollower(read)
    yield follower.record
    while follower.moved():
        yield follower.record
