"""The tables and models of a collection, opened when they are first wanted, in whichever thread."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from diptych.collection.model import Fingerprint, Model, reopen_model
from diptych.collection.tables import filling
from diptych.index.contract import Store, Table
from diptych.ingest.embedding import Filler
from diptych.ingest.fence import marks

Key = tuple[str, str]
"""A table, and the digest of the model that fills it."""


class Parts:
    """Keeps open what was opened once. While a model is loaded, tables and other models are there all the same."""

    def __init__(self, store: Store, model: Model | None) -> None:
        self._store = store
        self._loaded = {} if model is None else {model.digest: model}
        self._models: dict[Key, Model] = {}
        self._tables: dict[Key, Table] = {}
        self._fillers: dict[Key, Filler] = {}
        self._opening = Lock()
        self._loading = Lock()

    def table(self, record: Mapping[str, Any]) -> Table:
        """Return the table that a record names as the current one."""
        key = marks(record)
        with self._opening:
            if key not in self._tables:
                self._tables[key] = self._store.table(key[0])
            return self._tables[key]

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Return whether the model that a record names is there without loading it."""
        return marks(record) in self._models

    def model(self, record: Mapping[str, Any]) -> Model:
        """Return the model that a record names as it fills the current table, loaded when it is first wanted."""
        key = marks(record)
        if (known := self._models.get(key)) is not None:
            return known
        with self._loading:
            if key not in self._models:
                loaded = self._loaded.get(key[1]) or reopen_model(record["model"])
                self._models[key] = filling(self._store, key[0], loaded)
                self._loaded.pop(key[1], None)
            return self._models[key]

    def know(self, model: Model) -> None:
        """Take in a model that is loaded already."""
        self._loaded[model.digest] = model

    def load(self, fingerprint: Fingerprint) -> Model:
        """Return a model that will be wanted later, loaded now."""
        mark = fingerprint["digest"]
        with self._loading:
            if mark not in self._loaded:
                self._loaded[mark] = reopen_model(fingerprint)
            return self._loaded[mark]

    def filler(self, record: Mapping[str, Any]) -> Filler:
        """Return what places new items in the current table."""
        key, model = marks(record), self.model(record)
        with self._opening:
            if key not in self._fillers:
                self._fillers[key] = Filler(model)
            return self._fillers[key]

    def keep(self, record: Mapping[str, Any]) -> None:
        """Let go of all that a record does not name; who works with it goes on with it."""
        key, upcoming = marks(record), (record["next"] or {}).get("digest")
        with self._loading, self._opening:
            self._models = {each: model for each, model in self._models.items() if each == key}
            self._tables = {each: table for each, table in self._tables.items() if each == key}
            self._fillers = {each: filler for each, filler in self._fillers.items() if each == key}
            self._loaded = {mark: model for mark, model in self._loaded.items() if mark == upcoming}
