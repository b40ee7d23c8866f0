"""Measures how long a cold process takes to answer a text query, beside what importing its libraries takes.

    OMP_WAIT_POLICY=PASSIVE python bench/cold_start.py COLLECTION [--text "a smiling cat"] [--rounds 5]

floor    `python -c "import torch, lancedb"`: no search of a collection in a folder can take less
search   `diptych search COLLECTION --text TEXT`
list     `diptych collection list COLLECTION`
help     `diptych --help`

They run by turns, each in a process of its own, so that their ratios hold on a busy machine. Seconds are medians of the
wall clock and of the processor's time; a ratio is the median of the rounds' ratios.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

LIMIT = 1.5
"""How many times the floor a search may take."""
HELP_LIMIT = 0.3
"""Seconds of processor time that the help may take."""


def measured(command: Sequence[str]) -> tuple[float, float]:
    """Return the seconds of a command by the wall clock, and of the processor."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("collection")
    parser.add_argument("--text", default="a smiling cat")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    diptych = [sys.executable, "-m", "diptych"]
    commands = {
        "floor": [sys.executable, "-c", "import torch, lancedb"],
        "search": [*diptych, "search", options.collection, "--text", options.text],
        "list": [*diptych, "collection", "list", options.collection],
        "help": [*diptych, "--help"],
    }
    for command in commands.values():  # files come into the system's cache
        measured(command)
    rounds = [{name: measured(command) for name, command in commands.items()} for _ in range(options.rounds)]
    seconds = {name: [median(each[name][part] for each in rounds) for part in (0, 1)] for name in commands}
    ratios = {
        name: [median(each[name][part] / each["floor"][part] for each in rounds) for part in (0, 1)]
        for name in commands
    }
    print(json.dumps({"rounds": options.rounds, "wall_and_processor_seconds": seconds, "times_the_floor": ratios}))
    reached = max(ratios["search"]) <= LIMIT and seconds["help"][1] <= HELP_LIMIT
    print("reached" if reached else "missed", file=sys.stderr)


if __name__ == "__main__":
    main()
