"""What holds of all that reads strangers' files: it ends in time, takes little memory and speaks in sentences."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

PATIENCE = 180.0
"""Seconds that something may wait on a busy machine."""
_TIMERS = ((signal.SIGPROF, signal.ITIMER_PROF), (signal.SIGALRM, signal.ITIMER_REAL))

_INTERNAL = re.compile(
    r"diptych\.\w+\.|NoneType|Traceback|\bat 0x|<class|\b_[A-Za-z]\w{3,}|\b[A-Z]\w*(Entry|Finding|Row|Error)\b|<_io"
)
"""What no message shows: modules, classes and addresses of the program itself."""
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
"""What a message repeats of a file."""


class Hung(BaseException):
    """Something took too long; no `except Exception` stops it."""


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """Raise `Hung` in the block if it takes longer on a processor, or waits for minutes."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hung

    before = [signal.signal(sign, ring) for sign, _ in _TIMERS]
    try:
        for _, timer in _TIMERS:
            signal.setitimer(timer, seconds if timer == signal.ITIMER_PROF else PATIENCE)
        yield
    finally:
        for (sign, timer), handler in zip(_TIMERS, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(sign, handler)


@contextmanager
def in_memory(most: int) -> Iterator[None]:
    """Check that the block never takes so many bytes more than there were before."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _kilobytes("VmRSS")
    yield
    assert (_kilobytes("VmHWM") - before) << 10 < most


def _kilobytes(field: str) -> int:
    match = re.search(rf"{field}:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert match
    return int(match[1])


def check_sentence(message: str) -> None:
    """Check that a message is made for a person."""
    assert message.endswith("."), message
    assert not _INTERNAL.search(_QUOTED.sub("", message)), message
