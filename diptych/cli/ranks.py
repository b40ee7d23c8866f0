"""One voice for several training processes, where torch's launcher started this command more than once.

The first process of a launch that is refused says why, the others are silent, and so are all that are started again.
"""

import os
import signal
import sys
import time
from pathlib import Path

from diptych.errors import WorkerLost
from diptych.launching import REFUSED

SECONDS_TO_BE_ENDED = 15.0
"""How long a process waits, after another one died, for the launcher to end it before it reports the error."""


def is_launched() -> bool:
    """Return whether this is one of several processes of a launch."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_first() -> bool:
    """Return whether this process speaks for all: the first, or the only one."""
    return not is_launched() or os.environ.get("RANK") == "0"


def begin() -> None:
    """Leave a launch that was refused before; let an interrupt silently end all processes but the first."""
    if not is_launched():
        return
    if (note := _note()) and note.exists():
        sys.exit(2)
    # torch's libraries warn of what is intended, and of processes that died, before diptych can report it
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if not is_first():
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def refuse(error: Exception, sentence: str) -> int:
    """Say on stderr why a request cannot be met, once for all processes, and return the exit code."""
    if is_launched():
        if isinstance(error, WorkerLost):
            time.sleep(SECONDS_TO_BE_ENDED)
        elif not _is_first_refused():
            return 2
    sys.stderr.write(sentence)
    return 2


def _is_first_refused() -> bool:
    note = _note()
    if note is None:
        return is_first()
    try:
        note.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _note() -> Path | None:
    """Return the file that a refusal leaves; None where the launcher keeps no folder of attempts.

    torch's launcher names each process an error file, LAUNCH/attempt_0/RANK/error.json.
    """
    file = Path(os.environ.get("TORCHELASTIC_ERROR_FILE", ""))
    return file.parents[2] / REFUSED if len(file.parents) > 3 and file.parents[1].name.startswith("attempt_") else None
