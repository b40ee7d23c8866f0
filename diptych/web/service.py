"""What is served, and the threads that work on it.

One thread for each encoder (`diptych.web.batching`) and one for the searches of each collection, a few more for
pictures, items and stores, and one that watches for other models (`diptych.web.watching`). The event loop itself never
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
from diptych.web.measuring import Counts
from diptych.web.memory import give_back
from diptych.web.refusals import WAIT, refuse
from diptych.web.shelves import EncodingBatcher, Shelf, tried
from diptych.web.watching import Watch

THREADS = 4
"""Threads for pictures, items and stores."""
LOOK_SECONDS = 5.0
"""How long a look at all stores may take before the service counts as not ready."""

GIVE_BACK_SECONDS = 10.0
"""How often memory that lies free is given back."""

P = ParamSpec("P")
R = TypeVar("R")


class Service:
    """Collections, models, and who works on them."""

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
        """The folder with runs whose training is shown."""
        self.benchmarks = benchmarks
        """The folder with benchmarks whose results are shown."""
        self.log_queries = log_queries
        self.counts = Counts()
        self.shelves: dict[str, Shelf] = {}
        self.models: dict[str, EmbeddingModel] = {}
        """Runs that are served beside the collections, by name."""
        self.stopping = False
        """Whether a shutdown has begun: streams end after what they are at."""
        self._encoders: dict[tuple[str, str], EncodingBatcher] = {}
        self._pool = ThreadPoolExecutor(THREADS, "work")
        self._busy = 0
        self._in_hand: Counter[str] = Counter()
        self._looks = ThreadPoolExecutor(1, "ready")
        self._looking: Future[None] | None = None
        self._given_back = time.monotonic()
        self._watch = Watch(self._look)

    def add_collection(self, name: str, collection: Collection) -> None:
        """Serve a collection; its model is loaded and tried, so that the first request does not wait for it."""
        shelf = Shelf(name, collection, limits=self.limits, watch=self.counts.batch, loaded=self._loaded)
        shelf.wake = self._watch.wake
        self.shelves[name] = shelf

    def add_model(self, name: str, model: EmbeddingModel) -> None:
        """Serve a model by itself."""
        self.models[name] = tried(model)

    def shelf(self, name: str) -> Shelf:
        """Return a collection by its name."""
        if name not in self.shelves:
            raise refuse(404, f"there is no collection {name!r} here. There are: {', '.join(self.shelves) or 'none'}.")
        return self.shelves[name]

    @property
    def waiting(self) -> dict[str, int]:
        """How many requests wait for what."""
        return {worker.name: worker.waiting for worker in self._workers} | {"threads": self._busy}

    @property
    def _workers(self) -> list[Batcher[Any, Any]]:
        return [*self._encoders.values(), *(shelf.searches for shelf in self.shelves.values())]

    async def search(self, shelf: Shelf, request: SearchRequest) -> Results:
        """Return what a search finds: its contents are embedded with those of others, then it is ranked with others."""
        for text in (request.text, *request.without):
            self.check_text(text)
        model = shelf.model
        vectors = await asyncio.gather(*(self.encode(model, side, item) for side, item in contents_of(request)))
        return await shelf.searches.ask(EmbeddedRequest(request, model.digest, vectors))

    async def encode(self, model: EmbeddingModel, side: str, item: str | Path) -> np.ndarray:
        """Return the vector of a text or of a picture's file."""
        prepared: Any = item
        if isinstance(item, Path):
            prepared = await self.in_thread(model.encoder("image").prepare, item)
        encoder = self._encoders.get((model.digest, side)) or self._new_encoder(model, side)
        return await encoder.ask(prepared)

    def check_text(self, text: str | None) -> None:
        """Refuse a text that is too long."""
        if text is not None and len(text) > self.limits.text_letters:
            raise BadText(
                f"the text has {len(text):,} letters and at most {self.limits.text_letters:,} are accepted. Shorten it."
            )

    async def in_thread(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Return what a function returns, called on one of a few threads; `Refused` where too many wait for them."""
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
        """Count a request of these kinds (names of limits) while it is worked on; `Refused` where too many are."""
        if any(self._in_hand[kind] >= getattr(self.limits, kind) for kind in kinds):
            raise refuse(503, BUSY, retry_after=1)
        self._in_hand.update(kinds)
        try:
            yield
        finally:
            self._in_hand.subtract(kinds)

    @asynccontextmanager
    async def picture_file(self, data: bytes) -> AsyncIterator[Path]:
        """Yield a file with a picture that was sent, after a look at its header; it is removed afterwards."""
        suffix = await self.in_thread(raster_suffix, data, pixels=self.limits.pixels)
        with tempfile.NamedTemporaryFile(prefix="diptych-", suffix=suffix) as file:
            file.write(data)
            file.flush()
            yield Path(file.name)

    async def check(self) -> None:
        """Raise where something that is served does not answer, or not in time; reads each store."""
        if self._looking is None or self._looking.done():
            self._looking = self._looks.submit(self._check_all)
        looking = asyncio.shield(asyncio.wrap_future(self._looking))
        try:
            await asyncio.wait_for(looking, LOOK_SECONDS)
        except TimeoutError:
            raise refuse(503, "a store does not answer in time. See that its server runs.", retry_after=WAIT) from None

    def close(self) -> None:
        """Finish what was accepted, then let go of everything."""
        self._watch.close()
        for worker in self._workers:
            worker.close()
        self._pool.shutdown()
        self._looks.shutdown()
        for shelf in self.shelves.values():
            shelf.collection.close()

    def _loaded(self, digest: str) -> EmbeddingModel | None:
        """Return a model that something else is served with."""
        models = [*(shelf.model for shelf in list(self.shelves.values())), *self.models.values()]
        return next((model for model in models if model.digest == digest), None)

    def _check_all(self) -> None:
        for shelf in list(self.shelves.values()):
            shelf.check()

    def _look(self) -> None:
        """Look after each collection's models, end the encoders of those that are gone, and give memory back."""
        for shelf in list(self.shelves.values()):
            with suppress(StoreFailed, MissingData):  # its requests say so themselves
                shelf.look()
        used = {model.digest for model in self.models.values()}
        used.update(*(shelf.digests for shelf in list(self.shelves.values())))
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
