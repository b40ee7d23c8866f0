"""Measure the peak memory of a task."""

import re
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
FORGET = Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Reset the peak to the current memory; does nothing if the system cannot."""
    with suppress(OSError):
        FORGET.write_text("5")


def peak_megabytes() -> float | None:
    """Return the peak resident memory since `forget_peak`; None if the system does not report it (only Linux does)."""
    with suppress(OSError):
        if match := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text()):
            return int(match[1]) / 1024
    return None
