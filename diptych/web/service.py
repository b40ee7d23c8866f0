"""The service: the collections and models it serves, and its worker threads.

Each encoder has a thread (`diptych.web.batching`), and so does the search of each collection. Small pools handle
items and stores, the pictures of queries, and explanations, so that none of these waits for another. One thread watches
for new models (`diptych.web.watching`). The event loop itself never encodes, searches, decodes or reads a store.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from diptych.allocation import give_back
from diptych.collection import (
    Collection,
    EmbeddedRequest,
    EmbeddingModel,
    Results,
    SearchRequest,
    contents_of,
    decoded_apart,
    raster_suffix,
)
from diptych.errors import BadText, MissingData, StoreFailed
from diptych.web.batching import BUSY, Batcher
from diptych.web.limits import Limits
from diptych.web.metrics import Counts
from diptych.web.refusals import WAIT, refuse
from diptych.web.served_collections import EncodingBatcher, ServedCollection, tried
from diptych.web.watching import Watch

THREADS = 4
"""Threads in the pool for items and stores, and as many in the one for the pictures of queries."""
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
        page_deletes: bool = False,
    ) -> None:
        self.limits = limits
        self.runs = runs
        """Folder of the training runs to show."""
        self.benchmarks = benchmarks
        """Folder of the benchmarks to show."""
        self.log_queries = log_queries
        self.page_deletes = page_deletes
        """Whether the page offers to delete items."""
        self.counts = Counts()
        self.collections: dict[str, ServedCollection] = {}
        self.models: dict[str, EmbeddingModel] = {}
        """Runs served without a collection, by name."""
        self.stopping = False
        """Whether a shutdown has begun: streams end after their current batch."""
        self._encoders: dict[tuple[str, str], EncodingBatcher] = {}
        self._pool = ThreadPoolExecutor(THREADS, "work")
        self._decoders = ThreadPoolExecutor(THREADS, "decode")
        self._explainers = ThreadPoolExecutor(limits.explainers, "explain")
        self._working: set[Future[Any]] = set()
        self._in_hand: Counter[str] = Counter()
        self._in_hand_each: Counter[tuple[str, str]] = Counter()
        self._looks = ThreadPoolExecutor(1, "ready")
        self._looking: Future[None] | None = None
        self._given_back = time.monotonic()
        self._watch = Watch(self._look)
        self._until_closed = ExitStack()
        self._until_closed.enter_context(decoded_apart())

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
    def places(self) -> dict[str, str]:
        """The names under which clients know the paths and URIs of collections and folders."""
        folders = {"runs": self.runs, "benchmarks": self.benchmarks}
        known = {str(folder): name for name, folder in folders.items() if folder}
        for name, served in list(self.collections.items()):
            store = served.collection.store
            known |= dict.fromkeys((served.collection.name, store.uri, str(store.folder)), name)
        return known

    @property
    def waiting(self) -> dict[str, int]:
        """The number of requests queued for each encoder and collection."""
        return {worker.name: worker.waiting for worker in self._workers} | {"threads": len(self._working)}

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

    async def encode(self, model: EmbeddingModel, side: str, item: object) -> np.ndarray:
        """Return the embedding of a text or of a picture file."""
        prepared: Any = item
        if isinstance(item, Path):
            prepared = await self._decoded(model.encoder("image").prepare, item)
        encoder = self._encoders.get((model.digest, side)) or self._new_encoder(model, side)
        return await encoder.ask(prepared)

    def check_text(self, text: str | None) -> None:
        """Refuse a text that is too long."""
        if text is not None and len(text) > self.limits.text_letters:
            raise BadText(
                f"the text has {len(text):,} characters; at most {self.limits.text_letters:,} are accepted. Shorten it."
            )

    async def in_thread(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Call a function on the thread pool and return its result; raise `Refused` when too many calls wait."""
        return await self._called(self._pool, partial(function, *arguments, **options))

    async def _called(self, pool: ThreadPoolExecutor, function: Callable[[], R]) -> R:
        if len(self._working) >= self.limits.waiting:
            raise refuse(503, BUSY, retry_after=1)
        work = pool.submit(function)
        self._working.add(work)
        work.add_done_callback(self._working.discard)  # not earlier: a caller may give up while it still runs
        return await asyncio.wrap_future(work)

    async def explain(self, function: Callable[[], R], *, user: str) -> R:
        """Call a function on the threads for explanations; it counts until it ends, even if its caller gives up."""
        loop, release = asyncio.get_running_loop(), self._taken(("explanations",), user)

        def ended(work: "Future[R]") -> None:
            with suppress(RuntimeError):  # the loop is closed: nothing is counted any more
                loop.call_soon_threadsafe(release)

        work = self._explainers.submit(function)
        work.add_done_callback(ended)
        return await asyncio.wrap_future(work)

    @contextmanager
    def in_hand(self, *kinds: str, user: str) -> Iterator[None]:
        """Count a request towards these limits, by name, while it is in progress.

        Raise `Refused` above a limit: 503, or 429 if only the user's share is used up. An empty user has no share.
        """
        release = self._taken(kinds, user)
        try:
            yield
        finally:
            release()

    def _taken(self, kinds: tuple[str, ...], user: str) -> Callable[[], None]:
        """Take a place of each kind for a user, and return the function that gives them back."""
        own = [(kind, user) for kind in kinds if user]
        if any(self._in_hand[kind] >= getattr(self.limits, kind) for kind in kinds):
            raise refuse(503, BUSY, retry_after=1)
        if any(self._in_hand_each[each] >= self.limits.each(each[0]) for each in own):
            raise refuse(429, "too many of your requests are in progress. Wait for their answers.", retry_after=1)
        self._in_hand.update(kinds)
        self._in_hand_each.update(own)

        def release() -> None:
            self._in_hand.subtract(kinds)
            self._in_hand_each.subtract(own)
            for each in own:
                if not self._in_hand_each[each]:
                    del self._in_hand_each[each]

        return release

    @asynccontextmanager
    async def picture_file(self, data: bytes) -> AsyncIterator[Path]:
        """Check the header of an uploaded picture, yield it as a temporary file, and remove the file afterwards."""
        suffix = await self.in_thread(raster_suffix, data, pixels=self.limits.pixels)
        with tempfile.NamedTemporaryFile(prefix="diptych-", suffix=suffix) as file:
            file.write(data)
            file.flush()
            yield Path(file.name)

    async def _decoded(self, prepare: Callable[[Path], Any], picture: Path) -> Any:
        """Return a prepared picture; raise `Refused` (503) if that takes too long."""
        try:
            decoding = self._called(self._decoders, partial(prepare, picture))
            return await asyncio.wait_for(decoding, self.limits.picture_seconds)
        except TimeoutError:
            message = "the picture took too long to decode. Send a smaller one, or try again later."
            raise refuse(503, message, code="too_long", retry_after=WAIT) from None

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
        for pool in (self._decoders, self._explainers, self._pool):
            pool.shutdown()
        self._looks.shutdown()
        for served in self.collections.values():
            served.collection.close()
        self._until_closed.close()

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
