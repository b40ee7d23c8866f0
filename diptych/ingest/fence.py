"""The write fence: writing into a collection that may move to another model meanwhile, from any process.

A move (`diptych.collection.reencoding`) fills a second table and then makes it the collection's. Before it compares the
two tables for the last time it raises a fence in the record: a writer that has written reads the record again, waits
while the fence stands, and where the collection has moved writes into its new table too. So what is acknowledged is in
the table that is searched from then on. The fence has a deadline, so that a move that was killed holds nobody up.
"""

import time
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar, runtime_checkable

PAUSE = 0.05
"""Seconds after which a writer that waits reads the record again."""


@runtime_checkable
class FencedRecord(Protocol):
    """As much of a collection's record as writers need."""

    @property
    def version(self) -> tuple[str, str]:
        """Return what changes where the collection moves: the table, the model's digest."""
        ...

    @property
    def fence_until(self) -> float:
        """Return until when writers wait, in seconds since 1970."""
        ...


Record = TypeVar("Record", bound=FencedRecord)


def fenced(record: FencedRecord) -> bool:
    """Return whether writers wait."""
    return record.fence_until > time.time()


class RecordFollower(Generic[Record]):
    """Follows the record of a collection for one writer."""

    def __init__(self, read: Callable[[], Record]) -> None:
        self._read = read
        self.record = read()
        """The record to write by."""

    def moved(self) -> bool:
        """Return whether what was written must be written by another record too; waits while the fence stands."""
        record = self._read()
        while fenced(record):
            time.sleep(PAUSE)
            record = self._read()
        before, self.record = self.record.version, record
        return record.version != before


def records_to_write_by(read: Callable[[], Record]) -> Iterator[Record]:
    """Yield the record to write by, and after each writing another one by which to write the same again, if any."""
    follower = RecordFollower(read)
    yield follower.record
    while follower.moved():
        yield follower.record
