"""Control what the C library does with freed memory: a service gives it back, a training keeps it.

Batches of a service vary in shape. oneDNN compiles an LSTM for each number of texts and each length, a third of a
megabyte each, and caches a thousand of them; with a cache of a few dozen, a recompilation costs a millisecond. glibc
keeps freed memory in up to eight heaps per core, fragmented by holes of every size. Two heaps fragment less, and their
free memory is returned to the system periodically.

The steps of a training all have one shape. glibc maps each large tensor anew and unmaps it when it is freed; the system
clears every page each time, which takes a sixth to a third of a step through early blocks of an image network. What is
kept serves the next step.

Other allocators do this themselves.
"""

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -3, -4, -8
"""glibc's parameters (`M_TRIM_THRESHOLD` and so on in malloc.h): the free memory above which some is given back, the
size from which a block is mapped by itself, the most blocks that are, and the most heaps."""
KEEPING = {TRIM_THRESHOLD: 2**31 - 1, MMAP_MAX: 0}
"""No block is mapped by itself, and up to two gigabytes are kept."""
USUAL = {TRIM_THRESHOLD: 64 * 2**20, MMAP_THRESHOLD: 32 * 2**20, MMAP_MAX: 65536}
"""The values to which glibc raises its thresholds in a process with large blocks; setting any ends its adjustment."""
CHOSEN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_")
"""Variables by which a user chooses for himself."""
ARENAS = 2
KERNELS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
"""Size of oneDNN's cache of compiled operations, unless the environment sets it: enough for a small network."""


def bound() -> None:
    """Limit the heaps of threads that start from now on, and the cache of oneDNN if it has not been used yet."""
    os.environ.setdefault(*KERNELS)
    if libc := _glibc():
        libc.mallopt(ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return free memory to the system; this takes a few milliseconds."""
    if libc := _glibc():
        libc.malloc_trim(0)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep what is freed for what is allocated next, and give it back at the end, unless the environment chooses."""
    libc = _glibc()
    if libc is None or any(name in os.environ for name in CHOSEN):
        yield
        return
    for parameter, value in KEEPING.items():
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in USUAL.items():
            libc.mallopt(parameter, value)
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
