"""Rendering of SVGs in processes of their own, which are bounded in memory and time and can open no file.

A few kilobytes of SVG can crash a renderer, keep it busy for minutes, or embed any file that it can open. So each
drawing is made by a worker (`diptych.data.svg_worker`), and a worker that dies takes only that drawing with it. Workers
are started when they are needed, as many as there are threads at most, and kept. They end with their process; a forked
child starts its own.
"""

import atexit
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from queue import LifoQueue
from threading import RLock

from diptych.data.svg_worker import ANSWER, MEMORY, REQUEST, SECONDS
from diptych.errors import BadImage, WorkerLost
from diptych.settings import thread_count

PATIENCE = 60.0
"""Seconds after which a worker is ended that does not answer, whatever the reason."""

_OUT_OF_BOUNDS = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP)
"""How a process ends whose memory or stack is used up."""


def render_svg(markup: str, side: int, *, named: str) -> bytes:
    """Return an SVG as a PNG as large as fits into a square of `side` pixels, without the system's fonts.

    `BadImage` if it takes more memory or time than is allowed, `ValueError` if it cannot be rendered, `WorkerLost` if
    no worker can be started.
    """
    slots, request = _pool.slots(), markup.encode()
    worker = slots.get()
    try:
        try:
            worker = worker or _Worker()
            drawn, answer = worker.draw(request, side)
        except _EndedError as ended:
            if not ended.is_foreign:
                raise
            worker = _Worker()
            drawn, answer = worker.draw(request, side)
    except _EndedError as ended:
        raise ended.told(named) from None
    finally:
        slots.put(worker if worker in _pool.workers else None)
    if not drawn:
        raise ValueError(answer.decode())
    return answer


class _EndedError(Exception):
    """A worker ended before it answered."""

    def __init__(self, *, status: int | None, late: bool) -> None:
        super().__init__(status, late)
        self.signal = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        self.late = late or self.signal == signal.SIGXCPU

    @property
    def is_foreign(self) -> bool:
        """Whether it may have ended for a reason that has nothing to do with the drawing."""
        return not self.late and self.signal not in _OUT_OF_BOUNDS

    def told(self, named: str) -> Exception:
        if self.late:
            return BadImage(f"{named} is an SVG that takes more than {SECONDS} seconds to draw. Simplify it.")
        if self.signal is None:
            return WorkerLost(f"{named} could not be drawn: the process for SVGs ended by itself. Try again.")
        return BadImage(f"{named} is an SVG that takes more memory to draw than {MEMORY >> 20:,} MiB. Simplify it.")


class _Worker:
    """A process that draws SVGs one by one."""

    def __init__(self) -> None:
        self.connection, theirs = socket.socketpair()
        self.connection.settimeout(PATIENCE)
        try:
            with theirs, _pool.lock:
                self.pid = _spawn(theirs.fileno())
                _pool.workers.add(self)
        except OSError as error:
            self.connection.close()
            raise WorkerLost(f"the process that draws SVGs cannot be started: {error}. Free resources.") from error

    def draw(self, markup: bytes, side: int) -> tuple[bool, bytes]:
        """Return whether an SVG can be drawn, and a PNG or the reason.

        `_EndedError` if the process ends; whatever is raised, this worker is of no use afterwards.
        """
        try:
            self.connection.sendall(REQUEST.pack(side, len(markup)) + markup)
            drawn, length = ANSWER.unpack(self._receive(ANSWER.size))
            return drawn, self._receive(length)
        except TimeoutError:
            self.stop()
            raise _EndedError(status=None, late=True) from None
        except (OSError, EOFError):
            raise _EndedError(status=self.reap(), late=False) from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self.reap()

    def reap(self) -> int | None:
        """Wait for the end of the process and return its status; None if another part of the program took it."""
        self.connection.close()
        _pool.workers.discard(self)
        try:
            return os.waitpid(self.pid, 0)[1]
        except ChildProcessError:
            return None

    def _receive(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self.connection.recv(size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


def _spawn(connection: int) -> int:
    """Start a worker on a socket and return its process id; it sees modules where this process does."""
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", "diptych.data.svg_worker"],
        {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        file_actions=[(os.POSIX_SPAWN_DUP2, connection, 0), *silent],
        setpgroup=0,  # Ctrl-C is for this process, which ends its workers itself
        setsigmask=(),
    )


class _Pool:
    """The workers of this process, and a slot for each that may be at work at the same time."""

    def __init__(self) -> None:
        self.lock = RLock()
        """Held while a worker is started, so that no fork happens halfway."""
        self.workers: set[_Worker] = set()
        self._slots: LifoQueue[_Worker | None] | None = None

    def slots(self) -> "LifoQueue[_Worker | None]":
        """Return the slots; the one that was filled last comes first."""
        with self.lock:
            if self._slots is None:
                self._slots = LifoQueue()
                for _ in range(thread_count()):
                    self._slots.put(None)
            return self._slots

    def end(self) -> None:
        """End all workers."""
        for worker in list(self.workers):
            worker.stop()


def _begin_anew() -> None:
    """Let go of the workers of the process that this one was forked from."""
    global _pool
    for worker in _pool.workers:
        worker.connection.close()
    _pool = _Pool()


_pool = _Pool()
os.register_at_fork(
    before=lambda: _pool.lock.acquire() and None,
    after_in_parent=lambda: _pool.lock.release(),
    after_in_child=_begin_anew,
)
atexit.register(lambda: _pool.end())
