"""Decoding in processes of their own, for pictures from strangers: within bounds of memory and time.

A service decodes so whatever it reads: a picture that keeps a decoder busy is given up, and its process ended, where a
thread would go on with it for nobody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from PIL import Image

from diptych.data.addresses import Picture
from diptych.data.raster_worker import MEMORY, SECONDS, SIZE, request
from diptych.data.worker_pool import WorkerPool
from diptych.errors import BadImage

MAX_BYTES = 1 << 29
"""The largest file that is decoded apart."""

AT_ONCE = 4
"""Pictures that are decoded at the same time, at least: a slow one must not hold up the others."""

workers = WorkerPool(
    "diptych.data.raster_worker",
    does="decodes pictures",
    late=f"takes more than {SECONDS} seconds to decode. Scale it down, or save it in another format.",
    large=f"takes more memory to decode than {MEMORY >> 20:,} MiB. Scale it down, or save it in another format.",
    least=AT_ONCE,
)


class _Switch:
    """How many parts of this process want pictures to be decoded apart."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._wanted = 0

    def turn(self, by: int) -> None:
        """Add what wants it, or take it away."""
        with self._lock:
            self._wanted += by

    def __bool__(self) -> bool:
        """Return whether any does."""
        return self._wanted > 0


decoding_apart = _Switch()
"""Whether `diptych.data.pictures.decode` hands its work to processes."""


@contextmanager
def decoded_apart() -> Iterator[None]:
    """Within the block, pictures are decoded in processes of their own."""
    decoding_apart.turn(1)
    try:
        yield
    finally:
        decoding_apart.turn(-1)


def decode_apart(path: Picture, data: bytes, side: int) -> Image.Image:
    """Return a decoded picture from its bytes; `ValueError` if it cannot be decoded, whose message says all of it.

    `BadImage` if it takes more memory or time than is allowed, or is too large; `WorkerLost` if no process can be
    started.
    """
    named = f"picture '{path}'"
    if len(data) > MAX_BYTES:
        raise BadImage(f"{named} has more than {MAX_BYTES >> 20:,} MiB. Save it in another format.")
    answer = workers.ask(request(str(path), path.suffix, data), side, named=named)
    return Image.frombytes("RGB", SIZE.unpack_from(answer), answer[SIZE.size :])
