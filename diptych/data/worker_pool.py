"""Processes that do risky work for this one, within bounds of memory and time.

A few kilobytes from a stranger can crash a renderer, keep a decoder busy for minutes, or take all memory. A worker that
dies takes only its own work with it. Workers are started when they are needed, as many as there are threads at most (or
a few, where they might hold each other up), and kept. They end with their process; a forked child starts its own.
"""

import atexit
import os
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import LifoQueue
from threading import RLock

from diptych.data.bounded_work import ANSWER, REQUEST
from diptych.errors import BadImage, WorkerLost
from diptych.settings import thread_count

PATIENCE = 60.0
"""Seconds after which a worker is ended that does not answer, whatever the reason."""

_OUT_OF_BOUNDS = (signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGTRAP)
"""How a process ends whose memory or stack is used up."""


class WorkerPool:
    """The workers of this process that run one program, and a slot for each that may be at work at the same time."""

    def __init__(self, program: str, *, does: str, late: str, large: str, least: int = 1) -> None:
        self.program = program
        """The module that a worker runs."""
        self.does = does
        """What its process does, such as `draws SVGs`."""
        self._late, self._large = late, large
        """What is said, after its name, of a picture that takes too long or too much memory."""
        self._least = least
        self.lock = RLock()
        """Held while a worker is started, so that no fork happens halfway."""
        self.workers: set[_Worker] = set()
        self._slots: LifoQueue[_Worker | None] | None = None
        _ALL.append(self)

    def ask(self, content: bytes, number: int, *, named: str) -> bytes:
        """Return a worker's result; `ValueError` if there is none, whose message says why.

        `BadImage` if it takes more memory or time than is allowed, `WorkerLost` if no worker can be started. `named`
        is the picture's name in messages.
        """
        slots = self._open_slots()
        worker = slots.get()
        try:
            try:
                worker = worker or _Worker(self)
                succeeded, answer = worker.ask(content, number)
            except _EndedError as ended:
                if not ended.is_foreign:
                    raise
                worker = _Worker(self)
                succeeded, answer = worker.ask(content, number)
        except _EndedError as ended:
            raise self._told(ended, named) from None
        finally:
            slots.put(worker if worker in self.workers else None)
        if not succeeded:
            raise ValueError(answer.decode(errors="surrogatepass"))
        return answer

    def end(self) -> None:
        """End all workers."""
        for worker in list(self.workers):
            worker.stop()

    def begin_anew(self) -> None:
        """Let go of the workers of the process that this one was forked from."""
        for worker in self.workers:
            worker.connection.close()
        self.lock, self.workers, self._slots = RLock(), set(), None

    def _open_slots(self) -> "LifoQueue[_Worker | None]":
        """Return the slots; the one that was filled last comes first."""
        with self.lock:
            if self._slots is None:
                self._slots = LifoQueue()
                for _ in range(max(self._least, thread_count())):
                    self._slots.put(None)
            return self._slots

    def _told(self, ended: "_EndedError", named: str) -> Exception:
        if ended.late:
            return BadImage(f"{named} {self._late}")
        if ended.signal is None:
            return WorkerLost(f"{named} was not read: the process that {self.does} ended by itself. Try again.")
        return BadImage(f"{named} {self._large}")


class _EndedError(Exception):
    """A worker ended before it answered."""

    def __init__(self, *, status: int | None, late: bool) -> None:
        super().__init__(status, late)
        self.signal = os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
        self.late = late or self.signal == signal.SIGXCPU

    @property
    def is_foreign(self) -> bool:
        """Whether it may have ended for a reason that has nothing to do with the work."""
        return not self.late and self.signal not in _OUT_OF_BOUNDS


class _Worker:
    """A process that answers requests one by one."""

    def __init__(self, among: WorkerPool) -> None:
        self.among = among
        self.connection, theirs = socket.socketpair()
        self.connection.settimeout(PATIENCE)
        try:
            with theirs, among.lock:
                self.pid = _spawn(among.program, theirs.fileno())
                among.workers.add(self)
        except OSError as error:
            self.connection.close()
            raise WorkerLost(f"the process that {among.does} cannot be started: {error}. Free resources.") from error

    def ask(self, content: bytes, number: int) -> tuple[bool, bytes]:
        """Return whether a request succeeded, and the result or the reason.

        `_EndedError` if the process ends; whatever is raised, this worker is of no use afterwards.
        """
        try:
            self.connection.sendall(REQUEST.pack(number, len(content)) + content)
            succeeded, length = ANSWER.unpack(self._receive(ANSWER.size))
            return succeeded, self._receive(length)
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
        self.among.workers.discard(self)
        try:
            return os.waitpid(self.pid, 0)[1]
        except ChildProcessError:
            return None

    def _receive(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = self.connection.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)


def _spawn(program: str, connection: int) -> int:
    """Start a worker on a socket and return its process id; it sees modules where this process does."""
    silent = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-m", program],
        {**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
        file_actions=[(os.POSIX_SPAWN_DUP2, connection, 0), *silent],
        setpgroup=0,  # Ctrl-C is for this process, which ends its workers itself
        setsigmask=(),
    )


_ALL: list[WorkerPool] = []


class _Forking:
    """Holds the locks while this process is forked."""

    def __init__(self) -> None:
        self.held = ExitStack()

    def before(self) -> None:
        """Wait until no worker is being started."""
        for workers in _ALL:
            self.held.enter_context(workers.lock)

    def in_parent(self) -> None:
        """Go on."""
        self.held.close()

    def in_child(self) -> None:
        """Begin without workers."""
        self.held = ExitStack()
        for workers in _ALL:
            workers.begin_anew()


_forking = _Forking()
os.register_at_fork(before=_forking.before, after_in_parent=_forking.in_parent, after_in_child=_forking.in_child)


@atexit.register
def _end_all() -> None:
    for workers in _ALL:
        workers.end()
