"""Keeping the memory of a service where its models and its work put it, however long and variously it is asked.

Batches come in ever other shapes. oneDNN compiles an LSTM for each number of texts and each length, a third of a
megabyte each, and keeps a thousand of them; with a few dozen, one that has to be compiled again costs a millisecond.
glibc keeps what is freed in as many heaps as threads have wanted one, eight a core, with holes of every size: two heaps
have fewer, and what lies free in them is given back from time to time. Other allocators see to that by themselves.
"""

import ctypes
import os
import platform
from functools import cache

ARENA_MAX = -8
"""glibc's number for how many heaps there may be (`M_ARENA_MAX` of malloc.h)."""
ARENAS = 2
KERNELS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
"""How many compiled operations oneDNN keeps, unless the environment says otherwise: as many as a small network has."""


def bound() -> None:
    """Let threads that begin from now on share few heaps, and oneDNN, if it was not used yet, keep few operations."""
    os.environ.setdefault(*KERNELS)
    if libc := _glibc():
        libc.mallopt(ARENA_MAX, ARENAS)


def give_back() -> None:
    """Give the system back what lies free; it takes some milliseconds."""
    if libc := _glibc():
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
