"""How much memory a piece of work took."""

import re
from contextlib import suppress
from pathlib import Path

STATUS = Path("/proc/self/status")
FORGET = Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Begin a new measurement: the peak becomes what is held now. Does nothing where the system cannot."""
    with suppress(OSError):
        FORGET.write_text("5")


def peak_megabytes() -> float | None:
    """Return the most resident memory since `forget_peak`; None where the system does not tell (only Linux does)."""
    with suppress(OSError):
        if match := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text()):
            return int(match[1]) / 1024
    return None
