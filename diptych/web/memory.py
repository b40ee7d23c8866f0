"""Memory that nobody uses, given back to the system.

Batches of ever other shapes leave holes of ever other sizes, and glibc keeps what is freed in as many heaps as threads
have wanted one: eight a core. What a service takes then creeps up for as long as it is asked. With two heaps there are
fewer holes, and giving back what lies free in them from time to time keeps it where its models and its work put it.
Other allocators see to that by themselves.
"""

import ctypes
import platform
from functools import cache

ARENA_MAX = -8
"""glibc's number for how many heaps there may be (`M_ARENA_MAX` of malloc.h)."""
ARENAS = 2


def few_heaps() -> None:
    """Let threads that begin from now on share few heaps."""
    if libc := _glibc():
        libc.mallopt(ARENA_MAX, ARENAS)


def give_back() -> None:
    """Give the system back what lies free; it takes some milliseconds."""
    if libc := _glibc():
        libc.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
