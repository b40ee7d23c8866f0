"""A collection in its store: everything that can be read without its model."""

from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from diptych.collection.exporting import Exported, export_items
from diptych.collection.location import location_of
from diptych.collection.moved_pictures import rewrite_paths
from diptych.collection.picture_places import PicturePlaces, root_of
from diptych.collection.placed_table import PlacedTable
from diptych.collection.records import CollectionRecord, checked_record, current_record
from diptych.collection.remembered_roots import RememberedRoots
from diptych.collection.statistics import statistics
from diptych.collection.tables import reduction_of_table
from diptych.data.addresses import is_url
from diptych.entrance import checks_arguments
from diptych.errors import BadSetting, MissingData
from diptych.index.address import open_store
from diptych.index.contract import Store, Table
from diptych.index.filters import parse
from diptych.index.items import Items
from diptych.index.passwords import masked
from diptych.ingest.fence import records_to_write_by
from diptych.progress import Progress, silent

Opened = TypeVar("Opened", bound="StoredCollection")


class StoredCollection:
    """The items and the record of a collection; listing them loads no model."""

    def __init__(self, store: Store, uri: str) -> None:
        self.store = store
        self.uri = uri

    @classmethod
    @checks_arguments
    def at(cls, uri: str | Path) -> "StoredCollection":
        """Return the collection at a URI or path, for reading."""
        uri = str(uri)
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
        """Return the table that a record names as the current one; its pictures are told, and none is read."""
        places = PicturePlaces(self.store.folder)
        return PlacedTable(self.store.table(record.table), places, lineage=record.lineage)

    @checks_arguments
    def ids(self, *, where: str | None = None) -> list[str]:
        """Return the sorted ids of all items, or of those that meet a filter."""
        with self.store.moment():
            table = self.table
            return table.ids(where=parse(where, table.columns()) if where else None)

    @checks_arguments
    def items(self, *, where: str | None = None, after: str | None = None, limit: int | None = None) -> Items:
        """Return items in the order of their ids: those that meet a filter, after an id, at most `limit`."""
        with self.store.moment():
            table = self.table
            return table.read(where=parse(where, table.columns()) if where else None, after=after, limit=limit)

    @cached_property
    def remembered(self) -> RememberedRoots:
        """Where its pictures were added from on this machine."""
        return RememberedRoots(self.record.id or f"the collection at {self.store.folder or self.name}")

    def moved(self, old: str | Path, new: str | Path) -> int:
        """Take it that the pictures in a folder, or in the tar `old`, are at `new` now; return how many those are.

        Nothing is encoded anew. Nobody else should write meanwhile. `MissingData` if there is nothing at `new`,
        `BadSetting` if no picture was at `old`.
        """
        before, now = root_of(old), root_of(new)
        if not is_url(now) and not Path(now).exists():
            raise MissingData(f"'{now}' does not exist. Name the folder that the pictures are in now.")
        places = PicturePlaces(self.store.folder)
        tables = (
            PlacedTable(self.store.table(each.table), places) for each in records_to_write_by(lambda: self.record)
        )
        first, *_ = [rewrite_paths(table, before, now) for table in tables]
        if not first:
            raise BadSetting(
                f"no picture of this collection lies below '{before}'. See where they are looked for: diptych "
                f"collection list {self.name}."
            )
        self.remembered.add([now])
        return first

    @checks_arguments
    def export(self, path: Path, *, where: str | None = None, progress: Progress | None = None) -> int:
        """Write all items, or those that meet a filter, into a file, and return how many there are.

        A .parquet has the vectors in all spaces too; a .csv and a .jsonl have only what a manifest has. The file is
        there once it is complete.
        """
        with self.store.moment():
            record = self.record
            table = PlacedTable(self.store.table(record.table), PicturePlaces(self.store.folder))
            condition = parse(where, table.columns()) if where else None
            reduction = reduction_of_table(self.store, record.table, record.model.widths)
            return export_items(Exported(table, record, reduction, condition), path, progress=progress or silent)

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
