"""A collection in its store: everything that can be read without its model."""

from types import TracebackType
from typing import Any, TypeVar

from diptych.collection.location import location_of
from diptych.collection.records import CollectionRecord, checked_record, current_record
from diptych.collection.statistics import statistics
from diptych.index.address import open_store
from diptych.index.contract import Store, Table
from diptych.index.filters import parse
from diptych.index.items import Items
from diptych.index.passwords import masked

Opened = TypeVar("Opened", bound="StoredCollection")


class StoredCollection:
    """The items and the record of a collection; listing them loads no model."""

    def __init__(self, store: Store, uri: str) -> None:
        self.store = store
        self.uri = uri

    @classmethod
    def at(cls, uri: str) -> "StoredCollection":
        """Return the collection at a URI or path, for reading."""
        store = open_store(location_of(uri))
        checked_record(store, uri)
        return StoredCollection(store, uri)

    @property
    def name(self) -> str:
        """Its location, fit to show: without a password."""
        return masked(self.uri)

    @property
    def record(self) -> CollectionRecord:
        """The record as it is now: another process may have moved the collection to another model."""
        return current_record(self.store, self.name)

    @property
    def table(self) -> Table:
        """The table that is searched and written to."""
        return self.table_of(self.record)

    def table_of(self, record: CollectionRecord) -> Table:
        """Return the table that a record names as the current one."""
        return self.store.table(record.table)

    def ids(self, *, where: str | None = None) -> list[str]:
        """Return the sorted ids of all items, or of those that meet a filter."""
        with self.store.moment():
            table = self.table
            return table.ids(where=parse(where, table.columns()) if where else None)

    def items(self, *, where: str | None = None, after: str | None = None, limit: int | None = None) -> Items:
        """Return items in the order of their ids: those that meet a filter, after an id, at most `limit`."""
        with self.store.moment():
            table = self.table
            return table.read(where=parse(where, table.columns()) if where else None, after=after, limit=limit)

    def stats(self) -> dict[str, Any]:
        """Return the counts of items, how they are searched and their size on disk."""
        with self.store.moment():
            record = self.record
            return {"collection": self.name, **statistics(record, self.table_of(record))}

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    def __enter__(self: Opened) -> Opened:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
