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
def locked(path: Path, *, shared: bool = False, wait: bool = True, create: bool = False) -> Iterator[None]:
    """Hold the lock of a folder that exists, or of a file to `create` if need be; a link to such a file is refused.

    Any number may hold it `shared`, or else one alone. `BlockingIOError` where it is held and not waited for.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW if create else os.O_RDONLY
    descriptor = os.open(path, flags, 0o644)
    try:
        if shared:
            fcntl.flock(descriptor, fcntl.LOCK_SH | (0 if wait else fcntl.LOCK_NB))
        elif not lock_descriptor(descriptor, blocking=wait, poll_interval=PAUSE):
            raise BlockingIOError(f"'{path}' is locked by another thread or process")
        yield
    finally:
        os.close(descriptor)
