"""The tables, models and embedders of a collection, opened on first use, from any thread."""

from threading import Lock

from diptych.collection.model import reopen_model
from diptych.collection.picture_places import PicturePlaces
from diptych.collection.placed_table import PlacedTable
from diptych.collection.records import CollectionRecord, ModelFingerprint
from diptych.collection.tables import model_of_table
from diptych.index.contract import Store, Table
from diptych.ingest.item_embedding import EntryEmbedder
from diptych.retrieval.embedding_model import EmbeddingModel

Version = tuple[str, str]
"""A table, and the digest of the model that fills it."""


class Resources:
    """Keeps tables and models open. Loading a model does not block access to tables and other models."""

    def __init__(self, store: Store, model: EmbeddingModel | None, places: PicturePlaces) -> None:
        self._store = store
        self._places = places
        self._loaded = {} if model is None else {model.digest: model}
        self._models: dict[Version, EmbeddingModel] = {}
        self._tables: dict[Version, Table] = {}
        self._embedders: dict[Version, EntryEmbedder] = {}
        self._opening = Lock()
        self._loading = Lock()

    def table(self, record: CollectionRecord) -> Table:
        """Return the table that a record names as the current one."""
        with self._opening:
            if record.version not in self._tables:
                table = self._store.table(record.table)
                self._tables[record.version] = PlacedTable(table, self._places, lineage=record.lineage)
            return self._tables[record.version]

    def has_model(self, record: CollectionRecord) -> bool:
        """Return whether the model that a record names is loaded already."""
        return record.version in self._models

    def model(self, record: CollectionRecord) -> EmbeddingModel:
        """Return the model that a record names, as it fills the current table, loaded on first use."""
        version, digest = record.version, record.model.digest
        if (opened := self._models.get(version)) is not None:
            return opened
        with self._loading:
            if version not in self._models:
                loaded = self._loaded.get(digest) or reopen_model(record.model)
                self._models[version] = model_of_table(self._store, record.table, loaded)
                self._loaded.pop(digest, None)
            return self._models[version]

    def add_model(self, model: EmbeddingModel) -> None:
        """Keep a model that is loaded already."""
        self._loaded[model.digest] = model

    def load_model(self, fingerprint: ModelFingerprint) -> EmbeddingModel:
        """Load a model ahead of its use, and return it."""
        with self._loading:
            if fingerprint.digest not in self._loaded:
                self._loaded[fingerprint.digest] = reopen_model(fingerprint)
            return self._loaded[fingerprint.digest]

    def embedder(self, record: CollectionRecord) -> EntryEmbedder:
        """Return the embedder of new items for the current table."""
        model = self.model(record)
        with self._opening:
            if record.version not in self._embedders:
                self._embedders[record.version] = EntryEmbedder(model)
            return self._embedders[record.version]

    def keep_only(self, record: CollectionRecord) -> None:
        """Release everything that a record does not name; current users may finish with it."""
        upcoming = record.next and record.next.digest
        with self._loading, self._opening:
            self._models = {each: model for each, model in self._models.items() if each == record.version}
            self._tables = {each: table for each, table in self._tables.items() if each == record.version}
            self._embedders = {each: opened for each, opened in self._embedders.items() if each == record.version}
            self._loaded = {digest: model for digest, model in self._loaded.items() if digest == upcoming}
