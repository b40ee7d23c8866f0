"""Keep the memory of a service bounded, however long it runs and however varied its requests.

Batches vary in shape. oneDNN compiles an LSTM for each number of texts and each length, a third of a megabyte each, and
caches a thousand of them; with a cache of a few dozen, a recompilation costs a millisecond. glibc keeps freed memory in
up to eight heaps per core, fragmented by holes of every size. Two heaps fragment less, and their free memory is
returned to the system periodically. Other allocators do this themselves.
"""

import ctypes
import os
import platform
from functools import cache

ARENA_MAX = -8
"""glibc's parameter for the maximum number of heaps (`M_ARENA_MAX` in malloc.h)."""
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


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
