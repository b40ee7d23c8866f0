"""What is served, and the threads that work on it.

One thread for each encoder (`diptych.web.batching`) and one for the searches of each collection, a few more for
pictures, items and stores. The event loop itself never encodes, searches, decodes or reads a store.
"""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from diptych.collection import Ask, Collection, Known, Model, Results, raster_suffix
from diptych.errors import BadText
from diptych.web.batching import BUSY, Batcher
from diptych.web.limits import Limits
from diptych.web.measuring import Counts
from diptych.web.refusals import refuse

THREADS = 4
"""Threads for pictures, items and stores."""

P = ParamSpec("P")
R = TypeVar("R")
Encoding = Batcher[Any, np.ndarray]
Searching = Batcher[tuple[Ask, Known], Results]


@dataclass
class Shelf:
    """A collection that is served."""

    name: str
    collection: Collection
    model: Model
    """That filled it when it was last searched."""
    searches: Searching


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
        self.models: dict[str, Model] = {}
        """Runs that are served beside the collections, by name."""
        self.stopping = False
        """Whether a shutdown has begun: streams end after what they are at."""
        self._encoders: dict[tuple[str, str], Encoding] = {}
        self._pool = ThreadPoolExecutor(THREADS, "work")
        self._busy = 0
        self._in_hand: Counter[str] = Counter()

    def add_collection(self, name: str, collection: Collection) -> None:
        """Serve a collection; its model is loaded and tried, so that the first request does not wait for it."""
        model = _tried(collection.model)

        def work(asked: Sequence[tuple[Ask, Known]]) -> list[Results | Exception]:
            known = {key: vector for _, each in asked for key, vector in each.items()}
            found = collection.search_many([ask for ask, _ in asked], known=known)
            self.shelves[name].model = collection.model
            return list(found)

        searches: Searching = Batcher(work, name=f"search {name}", limits=self.limits, watch=self.counts.batch)
        self.shelves[name] = Shelf(name, collection, model, searches)

    def add_model(self, name: str, model: Model) -> None:
        """Serve a model by itself."""
        self.models[name] = _tried(model)

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

    async def search(self, shelf: Shelf, ask: Ask) -> Results:
        """Return what a search finds."""
        for text in (ask.query.text, *ask.query.without):
            self.check_text(text)
        model = shelf.model
        contents = list(dict.fromkeys(ask.query.contents))
        vectors = await asyncio.gather(*(self.encode(model, side, item) for side, item in contents))
        known = {(model.digest, *content): vector for content, vector in zip(contents, vectors, strict=True)}
        return await shelf.searches.ask((ask, known))

    async def encode(self, model: Model, side: str, item: str | Path) -> np.ndarray:
        """Return the vector of a text or of a picture's file."""
        encoder = self._encoders.get((model.digest, side)) or self._new_encoder(model, side)
        if isinstance(item, Path):
            prepared = await self.in_thread(model.encoders["image"].prepare, item)
            return await encoder.ask(prepared)
        return await encoder.ask(item)

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

    def ready(self) -> None:
        """Raise where something that is served does not answer; reads each store."""
        for shelf in self.shelves.values():
            if not shelf.searches.alive:
                raise refuse(503, f"the searches of {shelf.name!r} have stopped. Start the service again.")
            _ = shelf.collection.record

    def close(self) -> None:
        """Finish what was accepted, then let go of everything."""
        for worker in self._workers:
            worker.close()
        self._pool.shutdown()
        for shelf in self.shelves.values():
            shelf.collection.close()

    def _new_encoder(self, model: Model, side: str) -> Encoding:
        encoder = model.encoders[side]  # type: ignore[index]

        def work(items: Sequence[Any]) -> list[np.ndarray | Exception]:
            prepared = items if side == "image" else [encoder.prepare(item) for item in items]
            return list(model.place_prepared(side, prepared))  # type: ignore[arg-type]

        name = f"encode {encoder.name}"
        self._encoders[model.digest, side] = made = Batcher(
            work, name=name, limits=self.limits, watch=self.counts.batch
        )
        return made


def _tried(model: Model) -> Model:
    """Return a model after it has placed something, by which its networks are in memory."""
    from PIL import Image

    model.encode("text", ["a picture"])
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.new("RGB", (64, 64), "white").save(file, "PNG")
        file.flush()
        model.encode("image", [Path(file.name)])
    return model
