"""Requests that are answered together: they wait a moment for each other, and then one thread works on all of them.

A batcher has one thread. It takes the first request that waits, waits a little for more (not at all where enough wait
already), and hands them to its work in one go. While it works, others gather; so the batches grow with the load and a
lone request loses next to nothing. The queue is bounded: who comes when it is full is sent away at once. Requests that
nobody waits for any more, or whose time is over, are left out.
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

BUSY = "the service has too much to do at the moment. Try again soon."

Work = Callable[[Sequence[Item]], Sequence[Answer | Exception]]
"""Return an answer for each item, or the error that says why there is none."""


@dataclass
class _Job(Generic[Item, Answer]):
    item: Item
    future: "asyncio.Future[Answer]"
    until: float
    born: float = field(default_factory=time.monotonic)

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.future.cancelled() and time.monotonic() < self.until


class Batcher(Generic[Item, Answer]):
    """Answers items in batches, on a thread of its own."""

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
        """How many items wait."""
        return len(self._jobs)

    @property
    def alive(self) -> bool:
        """Whether its thread works."""
        return self._thread.is_alive()

    async def ask(self, item: Item) -> Answer:
        """Return the answer for an item; `Refused` with 503 where too many wait, or where it takes too long."""
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
        """Finish what waits, then end the thread."""
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
        """Return the next items; none where there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            if not self._jobs:
                return []
            left = self._jobs[0].born + self._limits.gather_seconds - time.monotonic()
            self._changed.wait_for(lambda: len(self._jobs) >= self._limits.together or self._closed, max(0.0, left))
            return [self._jobs.popleft() for _ in range(min(self._limits.together, len(self._jobs)))]

    def _answered(self, items: Sequence[Item]) -> Sequence[Answer | Exception]:
        """Return the answers; where the batch fails as a whole, of each item by itself, so that one spoils no other.

        A store that fails does so for all of them; to wait for it once is enough.
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
    """Hand all answers to the loop that waits for them, in one call."""

    def resolve() -> None:
        for job, answer in zip(jobs, answers, strict=True):
            if job.future.done():
                continue
            if isinstance(answer, Exception):
                job.future.set_exception(answer)
            else:
                job.future.set_result(answer)

    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        jobs[0].future.get_loop().call_soon_threadsafe(resolve)
