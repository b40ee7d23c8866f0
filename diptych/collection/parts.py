"""The tables and models of a collection, opened when they are first wanted, in whichever thread."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from diptych.collection.filling import Filler
from diptych.collection.model import Model, reopen_model
from diptych.index.contract import Store, Table


class Parts:
    """Keeps open what was opened once."""

    def __init__(self, store: Store, model: Model | None) -> None:
        self._store = store
        self._models = {} if model is None else {model.digest: model}
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
        """Return the model that a record names, loaded where it is wanted for the first time."""
        mark = record["model"]["digest"]
        with self._opening:
            if mark not in self._models:
                self._models[mark] = reopen_model(record["model"])
            return self._models[mark]

    def know(self, model: Model) -> None:
        """Take in a model that is loaded already."""
        self._models[model.digest] = model

    def filler(self, model: Model) -> Filler:
        """Return what places new items with a model."""
        with self._opening:
            if model.digest not in self._fillers:
                self._fillers = {model.digest: Filler(model)}
            return self._fillers[model.digest]
