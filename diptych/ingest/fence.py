"""Writing into a collection that may move to another model meanwhile, from this process or another.

A move (`diptych.collection.reencoding`) fills a second table and then makes it the collection's. Before it looks for
the last time at what the first table has, it asks for a moment's peace in the record: a writer that has written looks
at the record again, waits while peace is asked for, and where the collection has moved writes into its new table too.
So what is acknowledged is in the table that is searched from then on. The request lapses by itself, so that a move that
was killed holds nobody up.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Record = Mapping[str, Any]

PAUSE = 0.05
"""Seconds between two looks at a record that asks for peace."""


def held(record: Record) -> bool:
    """Return whether a move asks writers to wait."""
    return bool(record["next"]) and float(record["next"].get("peace", 0.0)) > time.time()


class Following:
    """Goes after a collection."""

    def __init__(self, now: Callable[[], Record]) -> None:
        self._now = now
        self.record = now()
        """By which to write."""

    def moved(self) -> bool:
        """Return whether what was written must be written by another record too; waits while a move asks for peace."""
        record = self._now()
        while held(record):
            time.sleep(PAUSE)
            record = self._now()
        before, self.record = marks(self.record), record
        return marks(record) != before


def followed(now: Callable[[], Record]) -> Iterator[Record]:
    """Yield the record to write by, and after each writing another one by which to write the same again, if any."""
    where = Following(now)
    yield where.record
    while where.moved():
        yield where.record


def marks(record: Record) -> tuple[str, str]:
    """Return what tells one state of a collection's tables and models from another: the table, the model's digest."""
    return record["table"], record["model"]["digest"]
