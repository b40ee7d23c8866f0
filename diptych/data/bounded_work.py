"""The part of a worker process that is the same whatever it does: requests, answers and bounds.

A request on its standard input, a socket, is a number, such as the side of a square in pixels, and the length of the
content, each as four bytes, and the content. The answer, on the same socket, is a byte that says whether it succeeded,
the length, and the result or the reason. A worker ends when the socket is closed.
"""

import os
import resource
import signal
import socket
import struct
import time
from collections.abc import Callable
from math import ceil

REQUEST = struct.Struct("!II")
ANSWER = struct.Struct("!?I")

_Work = Callable[[bytes, int], bytes]
"""Returns the result for a request's content and number; raises to say why there is none."""


def work_within_bounds(work: _Work, *, seconds: int, memory: int) -> None:
    """Answer requests on standard input until it ends, each within so many seconds of processor time.

    The process gives up what the work does not need: files, core dumps, memory beyond so many bytes, and the signals of
    a terminal. The kernel ends it when a request takes too long, a second later at most.
    """
    connection = socket.socket(fileno=0)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # whatever the process that asks holds open
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, memory), (resource.RLIMIT_NOFILE, 0)):
        _limit(what, most)
    with connection.makefile("rb") as requests:
        while len(head := requests.read(REQUEST.size)) == REQUEST.size:
            number, length = REQUEST.unpack(head)
            _limit(resource.RLIMIT_CPU, ceil(time.process_time()) + seconds, for_good=False)
            succeeded, answer = _answer(work, requests.read(length), number)
            connection.sendall(ANSWER.pack(succeeded, len(answer)) + answer)


def _answer(work: _Work, content: bytes, number: int) -> tuple[bool, bytes]:
    try:
        return True, work(content, number)
    except BaseException as error:  # a panic of a renderer in Rust is no Exception
        return False, str(error).encode(errors="surrogatepass")


def _limit(what: int, most: int, *, for_good: bool = True) -> None:
    """Set a limit of this process, which may only become lower where it is set for good."""
    hard = resource.getrlimit(what)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most if for_good else hard))
