"""Who may touch a Lance table when, and Lance's errors as ours.

Readers, writers and whoever tidies up may be different processes. Lance itself lets any number read while one writes,
but two that insert the same new id at once would both succeed, an index that is built while files are put together is
lost, and files of old versions may only go when nobody reads them. So writers take turns, and so do those who
rearrange, and readers say that they read: all by locks on folders of the table (`diptych.locks`), which the
system undoes when a process dies.
"""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

from diptych.errors import MissingData, StoreFailed
from diptych.locks import locked

PATIENCE = 2.0
"""Seconds to wait for the readers of old versions to finish."""


_CALLED, _LOST = Event(), Event()
"""Whether this process has called Lance, and whether it was forked from one that had."""


def begin_call() -> None:
    """Let a call of Lance begin; `StoreFailed` in a process that was forked from one that had called it.

    Lance's threads do not survive a fork, and locks that they held stay locked: LanceDB starts new ones, but calls in
    such a process now and then never end, or end the process.
    """
    if _LOST.is_set():
        raise StoreFailed(
            "this process was forked from one that had already read or written a collection in a folder, which "
            "LanceDB does not survive. Search only after the fork, or start processes by spawn or forkserver."
        )
    _CALLED.set()


def _begin_after_fork() -> None:
    if _CALLED.is_set():
        _LOST.set()


os.register_at_fork(after_in_child=_begin_after_fork)


class TableAccess:
    """One table's folder: read by many, written by one at a time, tidied when nobody reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold the files of the version that is read, and explain what goes wrong meanwhile."""
        with self._explained(), locked(self._folder, shared=True):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Wait for the other writers, hold them off, and explain what goes wrong meanwhile."""
        with self._explained(), locked(self._folder / "_versions"):
            yield

    @contextmanager
    def rearranging(self, *, wait: bool = True) -> Iterator[bool]:
        """Hold off others who put files together or build an index; yield whether nobody does, if not waited for."""
        with self._explained(), ExitStack() as held:
            try:
                held.enter_context(locked(self._folder / "_transactions", wait=wait))
            except BlockingIOError:
                yield False
            else:
                yield True

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Hold readers off where those that are there leave soon; yield whether they did."""
        end = time.monotonic() + PATIENCE
        with ExitStack() as held:
            while True:
                try:
                    held.enter_context(locked(self._folder, wait=False))
                    break
                except BlockingIOError:
                    if time.monotonic() > end:
                        yield False
                        return
                    time.sleep(0.02)
            yield True

    @contextmanager
    def _explained(self) -> Iterator[None]:
        begin_call()
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            if not self._folder.exists():
                raise MissingData(f"the table '{self._folder}' is gone: another process dropped it.") from error
            raise explanation(self._folder, error) from error


def explanation(place: Path, error: Exception) -> StoreFailed:
    """Return what went wrong at a place, in a sentence; a full disk in our own words."""
    said = str(error)
    if "No space left on device" in said or "os error 28" in said:
        return StoreFailed(
            f"the disk of '{place}' is full: this write failed; earlier writes are kept. "
            "Free some space, then try again."
        )
    return StoreFailed(f"the store at '{place}' failed: {said.splitlines()[0] if said else type(error).__name__}")
