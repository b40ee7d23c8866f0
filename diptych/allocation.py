"""Tell the allocator what a service and a training need: memory that stays bounded, or blocks that are used again.

A service's batches vary in shape. oneDNN compiles an LSTM for each number of texts and each length, a third of a
megabyte each, and caches a thousand of them; with a cache of a few dozen, a recompilation costs a millisecond. glibc
keeps freed memory in up to eight heaps per core, fragmented by holes of every size. Two heaps fragment less, and their
free memory is returned to the system periodically. Other allocators do this themselves.

A training step allocates and frees the same large blocks as the step before. glibc returns each to the system and asks
for it again, which clears it page by page; `bench/reused_blocks.py` measures what keeping them is worth.
"""

import ctypes
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

ARENA_MAX = -8
"""glibc's parameter for the maximum number of heaps (`M_ARENA_MAX` in malloc.h)."""
ARENAS = 2
MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""glibc's parameters for the size from which a block is its own mapping, and for free memory that is not returned
(`M_MMAP_THRESHOLD` and `M_TRIM_THRESHOLD` in malloc.h)."""
REUSED = {MMAP_THRESHOLD: 1 << 30, TRIM_THRESHOLD: (1 << 31) - 1}
USUAL = {MMAP_THRESHOLD: 32 << 20, TRIM_THRESHOLD: 64 << 20}
"""The highest that glibc raises them to by itself."""
CHOSEN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
"""Variables by which a user has chosen the same."""
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
def blocks_reused() -> Iterator[None]:
    """Keep freed blocks below a gigabyte for the next ones within the block, and return them to the system after it.

    Has no effect if the environment sets glibc's thresholds, or without glibc.
    """
    libc = None if any(name in os.environ for name in CHOSEN) else _glibc()
    if libc is None:
        yield
        return
    _set(libc, REUSED)
    try:
        yield
    finally:
        _set(libc, USUAL)
        libc.malloc_trim(0)


def _set(libc: ctypes.CDLL, parameters: Mapping[int, int]) -> None:
    for parameter, value in parameters.items():
        libc.mallopt(parameter, value)


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
