"""Collections in Milvus: `milvus://HOST:PORT#NAME`, or `milvus:///PATH/FILE.db#NAME` in a file of milvus-lite.

A collection NAME is made of Milvus' own collections: `NAME__record` holds the record and what tables there are, with
their layouts and columns; `NAME__table_TABLE` holds the items of a table; `NAME__imageXXXXXXXX_TABLE` is the
approximate index of a side, once it is built. A file of milvus-lite serves one process at a time, scans for every
search, and is meant for development.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from typing_extensions import override

from diptych.errors import BadSetting, MissingData
from diptych.index.address import split_uri
from diptych.index.contract import Layout, Store, Table
from diptych.index.milvus.notes import Notes
from diptych.index.milvus.sessions import Session
from diptych.index.milvus.table import MilvusTable

_TABLES = "table/"
_LONGEST = 128


def open_store(uri: str) -> "MilvusStore":
    """Return the store at a URI; it connects when first used."""
    return MilvusStore(uri)


class MilvusStore(Store):
    """One collection on a Milvus server, or in a file of milvus-lite."""

    def __init__(self, uri: str) -> None:
        rest, self._name = split_uri(uri)
        if "__" in self._name:
            raise BadSetting(f"in Milvus, a collection's name must not contain '__'; got '{self._name}'.")
        self._session = Session(rest)
        self.uri = f"{rest}#{self._name}"
        self._place = f"{self._session.place}#{self._name}"
        self._notes = Notes(self._session, f"{self._name}__record")

    @override
    def record(self) -> dict[str, Any] | None:
        return self._notes.record()

    @override
    def remember(self, record: Mapping[str, Any]) -> None:
        self._notes.remember(record)

    @override
    def tables(self) -> list[str]:
        return sorted(self._notes.read(_TABLES))

    @override
    def create_table(self, name: str, layout: Layout) -> Table:
        if name in self.tables():
            raise BadSetting(f"the collection at {self._place} already has a table '{name}'.")
        if not name.isidentifier() or len(name.encode()) > _LONGEST or not name.isascii():
            raise BadSetting(f"a table name in Milvus may have up to {_LONGEST} letters, digits and _; got '{name}'.")
        table = self._table(name, layout)
        table.drop()  # what a creation that was cut off may have left
        table.create()
        self._notes.write({_TABLES + name: json.dumps({"widths": dict(layout.widths), "half": layout.half})})
        return table

    @override
    def table(self, name: str) -> Table:
        layout = self._notes.read(_TABLES).get(name)
        if layout is None:
            raise MissingData(f"the collection at {self._place} has no table '{name}'.")
        return self._table(name, Layout(**json.loads(layout)))

    @override
    def drop_table(self, name: str) -> None:
        if name in (layouts := self._notes.read(_TABLES)):
            table = self._table(name, Layout(**json.loads(layouts[name])))
            self._notes.remove([_TABLES + name])
            table.drop()

    @override
    def drop(self) -> None:
        for name in self.tables():
            self.drop_table(name)
        self._notes.drop()

    @override
    def moment(self) -> AbstractContextManager[None]:
        return self._session.moment()

    @override
    def close(self) -> None:
        self._session.close()

    def _table(self, name: str, layout: Layout) -> MilvusTable:
        return MilvusTable(self._session, self._notes, collection=self._name, name=name, layout=layout)
