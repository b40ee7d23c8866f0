"""Dynamic batching: requests wait briefly for each other, and one thread processes them as a batch.

A batcher has one thread. It takes the first queued request, waits briefly for more (not at all if the batch is already
full), and processes them in one call. New requests queue up meanwhile, so batches grow with the load and a lone request
loses next to nothing. The queue is bounded: when it is full, new requests are refused at once. Cancelled and expired
requests are skipped.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Generic, TypeVar

from diptych.errors import StoreFailed
from diptych.web.limits import Limits
from diptych.web.refusals import refuse

Item = TypeVar("Item")
Answer = TypeVar("Answer")

BUSY = "the service is overloaded. Try again soon."

Work = Callable[[Sequence[Item]], Sequence[Answer | Exception]]
"""Returns an answer for each item, or the error that explains its absence."""


@dataclass
class _Job(Generic[Item, Answer]):
    item: Item
    future: "asyncio.Future[Answer]"
    until: float
    born: float = field(default_factory=time.monotonic)

    @property
    def wanted(self) -> bool:
        """Whether a caller still waits for the answer."""
        return not self.future.cancelled() and time.monotonic() < self.until


class Batcher(Generic[Item, Answer]):
    """Processes items in batches on its own thread."""

    def __init__(
        self,
        work: Work[Item, Answer],
        *,
        name: str,
        limits: Limits,
        watch: Callable[[str, int], None] = lambda name, size: None,
    ) -> None:
        self.name = name
        self._work = work
        self._limits = limits
        self._watch = watch
        self._jobs: deque[_Job[Item, Answer]] = deque()
        self._changed = Condition()
        self._closed = False
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """The number of queued items."""
        return len(self._jobs)

    @property
    def alive(self) -> bool:
        """Whether its thread is alive."""
        return self._thread.is_alive()

    async def ask(self, item: Item) -> Answer:
        """Return the answer for an item; raise `Refused` (503) when the queue is full or the time limit expires."""
        job: _Job[Item, Answer] = _Job(
            item, asyncio.get_running_loop().create_future(), time.monotonic() + self._limits.seconds
        )
        with self._changed:
            if self._closed or len(self._jobs) >= self._limits.waiting:
                raise refuse(503, BUSY, retry_after=1)
            self._jobs.append(job)
            self._changed.notify()
        try:
            return await asyncio.wait_for(job.future, self._limits.seconds)
        except TimeoutError:
            raise refuse(503, "the answer took too long. Try again later.", code="too_long", retry_after=5) from None

    def close(self) -> None:
        """Process the queued items, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._gathered():
            if wanted := [job for job in batch if job.wanted]:
                self._watch(self.name, len(wanted))
                _deliver(wanted, self._answered([job.item for job in wanted]))

    def _gathered(self) -> list[_Job[Item, Answer]]:
        """Return the next batch; empty when the batcher is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            if not self._jobs:
                return []
            left = self._jobs[0].born + self._limits.gather_seconds - time.monotonic()
            self._changed.wait_for(lambda: len(self._jobs) >= self._limits.together or self._closed, max(0.0, left))
            return [self._jobs.popleft() for _ in range(min(self._limits.together, len(self._jobs)))]

    def _answered(self, items: Sequence[Item]) -> Sequence[Answer | Exception]:
        """Return the answers; if the whole batch fails, process each item alone, so that one fault affects no other.

        A store failure affects all items alike, so the batch is not retried.
        """
        try:
            return self._work(items)
        except StoreFailed as error:
            return [error] * len(items)
        except Exception as error:
            if len(items) == 1:
                return [error]
            return [self._answered([item])[0] for item in items]


def _deliver(jobs: Sequence[_Job[Item, Answer]], answers: Sequence[Answer | Exception]) -> None:
    """Pass all answers to the waiting event loop in one call."""

    def resolve() -> None:
        for job, answer in zip(jobs, answers, strict=True):
            if job.future.done():
                continue
            if isinstance(answer, Exception):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)

    with suppress(RuntimeError):  # the loop is closed, so no caller waits
        jobs[0].future.get_loop().call_soon_threadsafe(resolve)
