"""A thread that checks every collection once a second for models to load and to unload."""

import logging
from collections.abc import Callable
from threading import Event, Thread

from diptych.errors import DiptychError

LOG = logging.getLogger("diptych.web")
EVERY = 1.0
"""Seconds between two checks."""


class Watch:
    """Calls a function periodically, and immediately when woken."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look = look
        self.wake = Event()
        self._ended = False
        self._thread = Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread after the current check."""
        self._ended = True
        self.wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended:
            self.wake.wait(EVERY)
            self.wake.clear()
            if self._ended:
                return
            try:
                self._look()
            except DiptychError:
                continue  # a store does not answer: requests report it
            except Exception:
                LOG.exception("a check of the collections failed")
