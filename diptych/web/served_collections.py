"""A served collection that other processes may update or switch to another model.

It caches nothing that another process may change: each batch of searches reads the collection's record, and each scan
the version of its table. A re-encoding announces its model in the record (`next`), so the model is loaded before the
collection switches. If the switch comes before the model is loaded, searches still use the previous model with the
previous table, never a mixture of the two.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event, Lock
from typing import Any, NamedTuple

import numpy as np

from diptych.collection import Collection, CollectionRecord, EmbeddedRequest, EmbeddingModel, ModelFingerprint, Results
from diptych.errors import BadCheckpoint, DiptychError, MissingData, StoreFailed
from diptych.web.batching import Batcher
from diptych.web.limits import Limits
from diptych.web.overviews import Overview, overview_of
from diptych.web.refusals import refuse

LOG = logging.getLogger("diptych.web")
AGAIN = 30.0
"""Seconds before a failed model load is retried."""

EncodingBatcher = Batcher[Any, np.ndarray]
SearchBatcher = Batcher[EmbeddedRequest, Results]


class View(NamedTuple):
    """A consistent state of the collection: its record and the record's model."""

    record: CollectionRecord
    model: EmbeddingModel


class ServedCollection:
    """A served collection, and the thread that searches it."""

    def __init__(
        self,
        name: str,
        collection: Collection,
        *,
        limits: Limits,
        watch: Callable[[str, int], None],
        loaded: Callable[[str], EmbeddingModel | None] = lambda digest: None,
    ) -> None:
        self.name = name
        self.collection = collection
        self.wake = Event()
        """Set when a model must be loaded; the service shares one event among all its collections."""
        record = collection.record
        self._view = View(record, tried(collection.resources.model(record)))
        self._limits = limits
        self._known_elsewhere = loaded
        self._ready = {self._view.model.digest}
        self._faults: dict[str, tuple[float, DiptychError]] = {}
        self._switching = Lock()
        self._overview: tuple[str | None, Overview] | None = None
        self._switched = 0.0
        self.searches: SearchBatcher = Batcher(self._search, name=f"search {name}", limits=limits, watch=watch)

    @property
    def model(self) -> EmbeddingModel:
        """The model of the latest searches."""
        return self._view.model

    @property
    def digests(self) -> set[str]:
        """Digests of the models that pending requests may still use."""
        return set(self._ready)

    def view(self) -> View:
        """Return the latest state whose model is in memory."""
        record = self.collection.record
        with self._switching:
            if record.version == self._view.record.version:
                self._view = View(record, self._view.model)
            elif record.model.digest in self._ready:
                self._view = View(record, self.collection.resources.model(record))
                self._switched = time.monotonic()
            else:
                self._wait_for(record)
            return self._view

    def look(self) -> None:
        """Load the collection's current and next models, and unload its former ones."""
        record = self.collection.record
        wanted = [record.model, *([record.next.model] if record.next else [])]
        for fingerprint in wanted:
            self._load(fingerprint)
        self.view()
        old = self._ready - {fingerprint.digest for fingerprint in wanted}
        if old and time.monotonic() - self._switched > 2 * self._limits.seconds:
            self._ready -= old
            self.collection.forget(record)

    def overview(self) -> Overview:
        """Return what a page begins with, as of the latest write if the store tells its version."""
        version = self.collection.table.version()
        known = self._overview
        if known is None or version is None or known[0] != version:
            known = self._overview = (version, overview_of(self.collection))
        return known[1]

    def check(self) -> None:
        """Read the store; raise if the collection cannot be searched."""
        if not self.searches.alive:
            raise refuse(503, f"the search thread of {self.name!r} has stopped. Restart the service.")
        record = self.collection.record
        if fault := self._faults.get(record.model.digest):
            raise fault[1]

    def _search(self, requests: Sequence[EmbeddedRequest]) -> list[Results | Exception]:
        """Return the results of search requests, repeating those whose table was replaced meanwhile."""
        view, search = self.view(), self.collection.search_embedded
        answers: list[Results | Exception] = list(search(requests, record=view.record))
        lost = [n for n, each in enumerate(answers) if isinstance(each, MissingData | StoreFailed)]
        if lost and (now := self.view()).record.version != view.record.version:
            for n, results in zip(lost, search([requests[n] for n in lost], record=now.record), strict=True):
                answers[n] = results
        return answers

    def _wait_for(self, record: CollectionRecord) -> None:
        """Request a model; raise if no earlier state can answer until it is loaded."""
        self.wake.set()
        if fault := self._faults.get(record.model.digest):
            raise fault[1]
        if record.previous != self._view.record.table:
            raise refuse(
                503, f"the model of the collection {self.name!r} is being loaded. Try again soon.", retry_after=2
            )

    def _load(self, fingerprint: ModelFingerprint) -> None:
        """Load a model with its networks, or record the fault that prevents it."""
        digest = fingerprint.digest
        if digest in self._ready or time.monotonic() < self._faults.get(digest, (0.0, None))[0]:
            return
        try:
            if (elsewhere := self._known_elsewhere(digest)) is not None:
                self.collection.resources.add_model(elsewhere)
            tried(self.collection.resources.load_model(fingerprint))
        except Exception as error:
            told = error if isinstance(error, DiptychError) else BadCheckpoint(f"a model cannot be loaded: {error}.")
            self._faults[digest] = (time.monotonic() + AGAIN, told)
            LOG.warning("the model %s of %r cannot be loaded: %s", digest[:8], self.name, error)
            return
        self._faults.pop(digest, None)
        self._ready.add(digest)
        LOG.info("loaded the model %s of %r", digest[:8], self.name)


def tried(model: EmbeddingModel) -> EmbeddingModel:
    """Return a model after a trial embedding, which loads its networks into memory."""
    from PIL import Image

    model.encode("text", ["a picture"])
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.new("RGB", (64, 64), "white").save(file, "PNG")
        file.flush()
        model.encode("image", [Path(file.name)])
    return model
