"""The service: the collections and models it serves, and its worker threads.

Each encoder has a thread (`diptych.web.batching`), and so does the search of each collection. A small pool handles
pictures, items and stores, and one thread watches for new models (`diptych.web.watching`). The event loop itself never
encodes, searches, decodes or reads a store.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from diptych.collection import (
    Collection,
    EmbeddedRequest,
    EmbeddingModel,
    Results,
    SearchRequest,
    contents_of,
    raster_suffix,
)
from diptych.errors import BadText, MissingData, StoreFailed
from diptych.web.batching import BUSY, Batcher
from diptych.web.limits import Limits
from diptych.web.memory import give_back
from diptych.web.metrics import Counts
from diptych.web.refusals import WAIT, refuse
from diptych.web.served_collections import EncodingBatcher, ServedCollection, tried
from diptych.web.watching import Watch

THREADS = 4
"""Threads in the pool for pictures, items and stores."""
LOOK_SECONDS = 5.0
"""How long a check of all stores may take before the service counts as not ready."""

GIVE_BACK_SECONDS = 10.0
"""Seconds between two returns of free memory to the system."""

P = ParamSpec("P")
R = TypeVar("R")


class Service:
    """The served collections and models, with the threads that do the work."""

    def __init__(
        self,
        limits: Limits,
        *,
        runs: Path | None = None,
        benchmarks: Path | None = None,
        log_queries: bool = False,
    ) -> None:
        self.limits = limits
        self.runs = runs
        """Folder of the training runs to show."""
        self.benchmarks = benchmarks
        """Folder of the benchmarks to show."""
        self.log_queries = log_queries
        self.counts = Counts()
        self.collections: dict[str, ServedCollection] = {}
        self.models: dict[str, EmbeddingModel] = {}
        """Runs served without a collection, by name."""
        self.stopping = False
        """Whether a shutdown has begun: streams end after their current batch."""
        self._encoders: dict[tuple[str, str], EncodingBatcher] = {}
        self._pool = ThreadPoolExecutor(THREADS, "work")
        self._busy = 0
        self._in_hand: Counter[str] = Counter()
        self._looks = ThreadPoolExecutor(1, "ready")
        self._looking: Future[None] | None = None
        self._given_back = time.monotonic()
        self._watch = Watch(self._look)

    def add_collection(self, name: str, collection: Collection) -> None:
        """Serve a collection; load and warm up its model, so that the first request does not wait for it."""
        served = ServedCollection(name, collection, limits=self.limits, watch=self.counts.batch, loaded=self._loaded)
        served.wake = self._watch.wake
        self.collections[name] = served

    def add_model(self, name: str, model: EmbeddingModel) -> None:
        """Serve a model without a collection."""
        self.models[name] = tried(model)

    def collection(self, name: str) -> ServedCollection:
        """Return the served collection with this name."""
        if name not in self.collections:
            served = ", ".join(self.collections) or "none"
            raise refuse(404, f"there is no collection {name!r}. Served collections: {served}.")
        return self.collections[name]

    @property
    def waiting(self) -> dict[str, int]:
        """The number of requests queued for each encoder and collection."""
        return {worker.name: worker.waiting for worker in self._workers} | {"threads": self._busy}

    @property
    def _workers(self) -> list[Batcher[Any, Any]]:
        return [*self._encoders.values(), *(served.searches for served in self.collections.values())]

    async def search(self, served: ServedCollection, request: SearchRequest) -> Results:
        """Return the results of a search request; it is embedded in a batch with others, then ranked in a batch."""
        for text in (request.text, *request.without):
            self.check_text(text)
        model = served.model
        vectors = await asyncio.gather(*(self.encode(model, side, item) for side, item in contents_of(request)))
        return await served.searches.ask(EmbeddedRequest(request, model.digest, vectors))

    async def encode(self, model: EmbeddingModel, side: str, item: str | Path) -> np.ndarray:
        """Return the embedding of a text or of a picture file."""
        prepared: Any = item
        if isinstance(item, Path):
            prepared = await self.in_thread(model.encoder("image").prepare, item)
        encoder = self._encoders.get((model.digest, side)) or self._new_encoder(model, side)
        return await encoder.ask(prepared)

    def check_text(self, text: str | None) -> None:
        """Refuse a text that is too long."""
        if text is not None and len(text) > self.limits.text_letters:
            raise BadText(
                f"the text has {len(text):,} characters; at most {self.limits.text_letters:,} are accepted. Shorten it."
            )

    async def in_thread(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Call a function on the thread pool and return its result; raise `Refused` when the pool's queue is full."""
        if self._busy >= self.limits.waiting:
            raise refuse(503, BUSY, retry_after=1)
        self._busy += 1
        try:
            work = self._pool.submit(function, *arguments, **options)
            return await asyncio.wrap_future(work)
        finally:
            self._busy -= 1

    @contextmanager
    def in_hand(self, *kinds: str) -> Iterator[None]:
        """Count a request towards these limits, by name, while it is in progress; raise `Refused` above a limit."""
        if any(self._in_hand[kind] >= getattr(self.limits, kind) for kind in kinds):
            raise refuse(503, BUSY, retry_after=1)
        self._in_hand.update(kinds)
        try:
            yield
        finally:
            self._in_hand.subtract(kinds)

    @asynccontextmanager
    async def picture_file(self, data: bytes) -> AsyncIterator[Path]:
        """Check the header of an uploaded picture, yield it as a temporary file, and remove the file afterwards."""
        suffix = await self.in_thread(raster_suffix, data, pixels=self.limits.pixels)
        with tempfile.NamedTemporaryFile(prefix="diptych-", suffix=suffix) as file:
            file.write(data)
            file.flush()
            yield Path(file.name)

    async def check(self) -> None:
        """Read every store; raise if one does not answer, or not in time."""
        if self._looking is None or self._looking.done():
            self._looking = self._looks.submit(self._check_all)
        looking = asyncio.shield(asyncio.wrap_future(self._looking))
        try:
            await asyncio.wait_for(looking, LOOK_SECONDS)
        except TimeoutError:
            raise refuse(503, "a store did not answer in time. Check its server.", retry_after=WAIT) from None

    def close(self) -> None:
        """Finish accepted requests, then release all resources."""
        self._watch.close()
        for worker in self._workers:
            worker.close()
        self._pool.shutdown()
        self._looks.shutdown()
        for served in self.collections.values():
            served.collection.close()

    def _loaded(self, digest: str) -> EmbeddingModel | None:
        """Return a model that is already loaded for another collection or run."""
        models = [*(served.model for served in list(self.collections.values())), *self.models.values()]
        return next((model for model in models if model.digest == digest), None)

    def _check_all(self) -> None:
        for served in list(self.collections.values()):
            served.check()

    def _look(self) -> None:
        """Refresh each collection's models, stop the encoders of unloaded ones, and return free memory."""
        for served in list(self.collections.values()):
            with suppress(StoreFailed, MissingData):  # reported by its requests
                served.look()
        used = {model.digest for model in self.models.values()}
        used.update(*(served.digests for served in list(self.collections.values())))
        for key in [key for key in list(self._encoders) if key[0] not in used]:
            self._encoders.pop(key).close()
        if time.monotonic() - self._given_back > GIVE_BACK_SECONDS:
            give_back()
            self._given_back = time.monotonic()

    def _new_encoder(self, model: EmbeddingModel, side: str) -> EncodingBatcher:
        encoder = model.encoder(side)  # type: ignore[arg-type]

        def work(items: Sequence[Any]) -> list[np.ndarray | Exception]:
            prepared = items if side == "image" else [encoder.prepare(item) for item in items]
            return list(model.embed_prepared(side, prepared))  # type: ignore[arg-type]

        name = f"encode {encoder.name}"
        self._encoders[model.digest, side] = made = Batcher(
            work, name=name, limits=self.limits, watch=self.counts.batch
        )
        return made
