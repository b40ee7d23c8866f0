"""The tables and models of a collection, opened when they are first wanted, in whichever thread."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from diptych.collection.filling import Filler
from diptych.collection.model import Model, reopen_model
from diptych.collection.tables import filling
from diptych.index.contract import Store, Table


class Parts:
    """Keeps open what was opened once."""

    def __init__(self, store: Store, model: Model | None) -> None:
        self._store = store
        self._loaded = {} if model is None else {model.digest: model}
        self._models: dict[str, Model] = {}
        self._tables: dict[str, Table] = {}
        self._fillers: dict[str, Filler] = {}
        self._opening = Lock()

    def table(self, record: Mapping[str, Any]) -> Table:
        """Return the table that a record names as the current one."""
        name = record["table"]
        with self._opening:
            if name not in self._tables:
                self._tables[name] = self._store.table(name)
            return self._tables[name]

    def model(self, record: Mapping[str, Any]) -> Model:
        """Return the model that a record names as it fills the current table, loaded when it is first wanted."""
        table, mark = record["table"], record["model"]["digest"]
        with self._opening:
            if table not in self._models:
                loaded = self._loaded.pop(mark) if mark in self._loaded else reopen_model(record["model"])
                self._models[table] = filling(self._store, table, loaded)
            return self._models[table]

    def know(self, model: Model) -> None:
        """Take in a model that is loaded already."""
        self._loaded[model.digest] = model

    def filler(self, record: Mapping[str, Any]) -> Filler:
        """Return what places new items in the current table."""
        table, model = record["table"], self.model(record)
        with self._opening:
            if table not in self._fillers:
                self._fillers = {table: Filler(model)}
            return self._fillers[table]
