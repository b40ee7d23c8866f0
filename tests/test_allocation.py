"""Memory that lies free is given back, or kept for the next step."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from diptych.allocation import KERNELS, bound

ROOT = Path(__file__).parents[1]
GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these parameters")
HOLES = """
from pathlib import Path
from diptych.allocation import bound, give_back

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

bound()
blocks = [b"x" * (60_000 + k) for k in range(3000)]
kept = blocks[::100]
full = megabytes()
del blocks
before = megabytes()
give_back()
print(full, before, megabytes())
"""

FAULTS = """
import resource
from diptych.allocation import blocks_reused

def faults(steps):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(steps):
        block = bytearray(50_000_000)
        del block
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults(3)
each = faults(20)
with blocks_reused():
    faults(3)
    reused = faults(20)
print(each, reused, faults(20))
"""


def page_faults(**environment: str) -> list[int]:
    """Return the page faults of twenty large blocks before, within and after `blocks_reused`."""
    own = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", FAULTS], env=own, capture_output=True, check=True)
    return [int(count) for count in done.stdout.split()]


@GLIBC
def test_blocks_of_a_step_are_used_again_by_the_next_and_given_back_in_the_end() -> None:
    before, within, after = page_faults()
    pages = 20 * 50_000_000 // 4096
    assert before > pages / 2
    assert within < pages / 50
    assert after > pages / 2


@GLIBC
def test_thresholds_of_the_environment_stand() -> None:
    _, within, _ = page_faults(MALLOC_MMAP_THRESHOLD_="1000000")
    assert within > 20 * 50_000_000 // 4096 / 2


@GLIBC
def test_what_lies_free_between_what_is_used_goes_back_to_the_system() -> None:
    command = [sys.executable, "-c", HOLES]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True)
    full, before, after = map(float, done.stdout.split())
    assert full - after > 150
    assert after < before


def test_the_environment_has_the_last_word_on_compiled_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KERNELS[0], raising=False)
    bound()
    assert os.environ[KERNELS[0]] == KERNELS[1]
    monkeypatch.setenv(KERNELS[0], "7")
    bound()
    assert os.environ[KERNELS[0]] == "7"
