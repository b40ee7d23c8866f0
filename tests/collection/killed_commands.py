"""Command lines that are killed at a moment of one's choice, each a process of its own.

    python killed_commands.py

forks a process for each line of standard input, an object of JSON: the words of the command, the file that takes what
it says, and variables of its environment. It answers with the number of the process at once and with its exit status
when it has ended. What takes long to import is imported once.
"""

import ctypes
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
_DIE_WITH_PARENT = 1
"""`PR_SET_PDEATHSIG`."""


@dataclass(frozen=True)
class Course:
    """What an undisturbed command took, in seconds of its processor time."""

    first: float
    """When it changed the watched folders for the first time."""
    last: float
    """When it changed them for the last time."""

    def moment(self, chance: random.Random) -> float:
        """Return a moment at random: from a little before the first change to a little after the last."""
        return chance.uniform(max(0.0, self.first - 0.1), self.last + 0.1)


class Commands:
    """Runs commands one at a time in processes that do not outlive this one."""

    def __init__(self, cache: Path) -> None:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        own = {"PYTHONPATH": path, "DIPTYCH_THREADS": "1", "OMP_NUM_THREADS": "1", "DIPTYCH_CACHE": str(cache)}
        self._forks = subprocess.Popen(
            [sys.executable, __file__], env=os.environ | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.process = 0

    def start(self, words: list[object], log: Path, **environment: object) -> None:
        """Begin a command."""
        order = [[str(word) for word in words], str(log), {name: str(value) for name, value in environment.items()}]
        self._forks.stdin.write(json.dumps(order) + "\n")
        self._forks.stdin.flush()
        self.process = int(self._forks.stdout.readline())

    def wait(self) -> int:
        """Return the exit status of the command, negative for a signal, when it has ended."""
        return int(self._forks.stdout.readline())

    def run(self, words: list[object], log: Path, **environment: object) -> int:
        """Return the exit status of a command that nothing disturbs."""
        self.start(words, log, **environment)
        return self.wait()

    def kill(self) -> None:
        """End the command as `kill -9` does."""
        with suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)

    def kill_at(self, moment: float, *, since: float = 0.0) -> None:
        """Kill the command once it has taken so much processor time; it may end before."""
        for taken in self.taken():
            if taken - since >= moment:
                self.kill()
                return

    def taken(self) -> Iterator[float]:
        """Yield the seconds of processor time that the command has taken, time and again until it has ended."""
        with suppress(OSError):
            while True:
                state, *fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
                if state == "Z":
                    return
                yield (int(fields[10]) + int(fields[11])) / TICKS
                time.sleep(0.002)

    def observe(self, seen: Callable[[], Any]) -> Course:
        """Return the course of the command that was begun, of which `seen` shows changes."""
        before, changes = seen(), []
        for taken in self.taken():
            if (now := seen()) != before:
                before = now
                changes.append(taken)
        return Course(min(changes), max(changes))

    def close(self) -> None:
        """End."""
        self.kill()
        self._forks.stdin.close()
        self._forks.wait(60)
        self._forks.stdout.close()


def told(log: Path, label: str) -> int:
    """Return how much a command has said to be done under a label."""
    counts = re.findall(rf"^{label}: ([\d,]+)", log.read_text(errors="replace"), re.M)
    return max((int(count.replace(",", "")) for count in counts), default=0)


def files_in(folder: Path) -> dict[str, tuple[int, int]]:
    """Return all files of a folder, with their sizes and times."""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                status = Path(at, name).stat()
                found[f"{at}/{name}"] = (status.st_size, status.st_mtime_ns)
    return found


def _prepare() -> None:
    """Import what commands need, but for the store, which starts threads; let everything come in small portions."""
    from diptych import progress_shown
    from diptych.encoders import cache
    from diptych.ingest import upserting

    progress_shown.SECONDS_BETWEEN_LINES = 0
    cache.SHARD_ITEMS.update(image=4, text=6)
    upserting.AT_ONCE = 16  # before it is taken over by others
    from diptych.web.routes import ingesting

    ingesting.AT_ONCE = 16


def _become(words: list[str], log: str, environment: dict[str, str]) -> None:
    """Run a command in this process."""
    from diptych.cli import main

    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for number in (1, 2):
        os.dup2(told, number)
    os.environ |= environment
    sys.argv = ["diptych", *words]
    with Path(os.devnull).open() as sys.stdin:
        main()


def serve_commands() -> None:
    """Fork a process for each line of standard input."""
    _prepare()
    for line in iter(sys.stdin.readline, ""):
        process = os.fork()
        if not process:
            _become(*json.loads(line))
        print(process, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)


if __name__ == "__main__":
    serve_commands()
