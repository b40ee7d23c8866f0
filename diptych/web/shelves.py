"""A collection that is served, while other processes write into it and move it to other models.

Nothing that another process may change is kept here: each batch of searches reads the collection's record, and each
scan the version of its table. A model that the record names is loaded before it is used, as soon as a move begins
(`next` in the record), so that it is there when the collection switches. Until then, and where a switch comes too
early for it, searches are answered by the model and the table from before, never by one of each.
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
from diptych.web.refusals import refuse

LOG = logging.getLogger("diptych.web")
AGAIN = 30.0
"""Seconds after which a model that could not be loaded is tried again."""

EncodingBatcher = Batcher[Any, np.ndarray]
SearchBatcher = Batcher[EmbeddedRequest, Results]


class View(NamedTuple):
    """A state of the collection: its record, and the model that it names."""

    record: CollectionRecord
    model: EmbeddingModel


class Shelf:
    """A collection that is served, and the thread that searches it."""

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
        """Set where a model is wanted that is not in memory; who owns the shelf shares one event among all."""
        record = collection.record
        self._view = View(record, tried(collection.resources.model(record)))
        self._limits = limits
        self._known_elsewhere = loaded
        self._ready = {self._view.model.digest}
        self._faults: dict[str, tuple[float, DiptychError]] = {}
        self._switching = Lock()
        self._switched = 0.0
        self.searches: SearchBatcher = Batcher(self._search, name=f"search {name}", limits=limits, watch=watch)

    @property
    def model(self) -> EmbeddingModel:
        """The model that searches were answered with last."""
        return self._view.model

    @property
    def digests(self) -> set[str]:
        """The models that requests may still be under way with."""
        return set(self._ready)

    def view(self) -> View:
        """Return the state to answer by: the newest one whose model is in memory."""
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
        """Load the models that the collection has or will have, and let go of those that it had."""
        record = self.collection.record
        wanted = [record.model, *([record.next.model] if record.next else [])]
        for fingerprint in wanted:
            self._load(fingerprint)
        self.view()
        old = self._ready - {fingerprint.digest for fingerprint in wanted}
        if old and time.monotonic() - self._switched > 2 * self._limits.seconds:
            self._ready -= old
            self.collection.forget(record)

    def check(self) -> None:
        """Raise where it cannot be searched; reads the store."""
        if not self.searches.alive:
            raise refuse(503, f"the searches of {self.name!r} have stopped. Start the service again.")
        record = self.collection.record
        if fault := self._faults.get(record.model.digest):
            raise fault[1]

    def _search(self, requests: Sequence[EmbeddedRequest]) -> list[Results | Exception]:
        """Return what searches find; those that lost their table to a move are done again."""
        view, search = self.view(), self.collection.search_embedded
        answers: list[Results | Exception] = list(search(requests, record=view.record))
        lost = [n for n, each in enumerate(answers) if isinstance(each, MissingData | StoreFailed)]
        if lost and (now := self.view()).record.version != view.record.version:
            for n, results in zip(lost, search([requests[n] for n in lost], record=now.record), strict=True):
                answers[n] = results
        return answers

    def _wait_for(self, record: CollectionRecord) -> None:
        """Have a model loaded; raise where meanwhile there is nothing to answer by."""
        self.wake.set()
        if fault := self._faults.get(record.model.digest):
            raise fault[1]
        if record.previous != self._view.record.table:
            raise refuse(
                503, f"the model of the collection {self.name!r} is being loaded. Try again soon.", retry_after=2
            )

    def _load(self, fingerprint: ModelFingerprint) -> None:
        """Have a model in memory, its networks too, or know why that cannot be."""
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
        LOG.info("the model %s of %r is loaded", digest[:8], self.name)


def tried(model: EmbeddingModel) -> EmbeddingModel:
    """Return a model after it has placed something, by which its networks are in memory."""
    from PIL import Image

    model.encode("text", ["a picture"])
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.new("RGB", (64, 64), "white").save(file, "PNG")
        file.flush()
        model.encode("image", [Path(file.name)])
    return model
