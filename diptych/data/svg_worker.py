"""The program that renders SVGs for another process, within bounds.

It runs as a process of its own: `python -m diptych.data.svg_worker`. A request on its standard input, a socket, is the
side of a square in pixels and the length of the markup, each as four bytes, and the markup. The answer, on the same
socket, is a byte that says whether it is drawn, the length, and a PNG or the reason. It ends when the socket is closed.
"""

import os
import resource
import signal
import socket
import struct
import time
from math import ceil

REQUEST = struct.Struct("!II")
ANSWER = struct.Struct("!?I")

SECONDS = 5
"""The most processor time that one drawing takes; the kernel ends the process after that, a second later at most."""

MEMORY = 1 << 30
"""The most bytes of memory that the process takes."""


def serve_drawings(connection: socket.socket) -> None:
    """Answer requests until the connection ends."""
    with connection.makefile("rb") as requests:
        while len(head := requests.read(REQUEST.size)) == REQUEST.size:
            side, length = REQUEST.unpack(head)
            _limit(resource.RLIMIT_CPU, ceil(time.process_time()) + SECONDS, for_good=False)
            drawn, answer = _drawing(requests.read(length), side)
            connection.sendall(ANSWER.pack(drawn, len(answer)) + answer)


def _drawing(markup: bytes, side: int) -> tuple[bool, bytes]:
    """Return whether an SVG can be drawn, and a PNG as large as fits into a square, or the reason."""
    from resvg_py import svg_to_bytes

    try:
        drawn = svg_to_bytes(svg_string=markup.decode(), width=side, height=side, skip_system_fonts=True)
    except BaseException as error:  # a panic of the renderer is no Exception
        return False, str(error).encode()
    return True, drawn


def _confine() -> None:
    """Give up what rendering does not need: files, core dumps, memory beyond the bound, and the terminal's signals."""
    import resvg_py  # noqa: F401 - no file can be opened afterwards

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_NOFILE, 0)


def _limit(what: int, most: int, *, for_good: bool = True) -> None:
    """Set a limit of this process, which may only become lower where it is set for good."""
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most if for_good else hard))


if __name__ == "__main__":
    own = socket.socket(fileno=0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # whatever the process that asks holds open
    _confine()
    serve_drawings(own)
