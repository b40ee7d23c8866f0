"""Locks on files and folders, between threads and processes; the system undoes them when a process dies.

One that excludes others is filelock's. It has none that several hold at once, but for a database that must be writable
and that threads of one process cannot share; so that one is the system's own `flock`, which filelock's is made of.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor

PAUSE = 0.002
"""Seconds between attempts while another holds the lock."""


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a folder or of a file, which is created if need be; a link to a file is not followed.

    Any number may hold it `shared`, or else one alone. `BlockingIOError` where it is held and not waited for.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o644)
    try:
        if shared:
            fcntl.flock(descriptor, fcntl.LOCK_SH | (0 if wait else fcntl.LOCK_NB))
        elif not lock_descriptor(descriptor, blocking=wait, poll_interval=PAUSE):
            raise BlockingIOError(f"'{path}' is locked by another thread or process")
        yield
    finally:
        os.close(descriptor)
