"""Memory that lies free is given back."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from diptych.allocation import KERNELS, bound

ROOT = Path(__file__).parents[1]
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


LARGE = """
from pathlib import Path
from diptych.allocation import freed_memory_kept

def megabytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

def freed():
    before = megabytes()
    block = b"x" * 300_000_000
    del block
    return megabytes() - before

usual = freed()
with freed_memory_kept():
    kept = freed()
print(usual, kept, freed())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc maps large blocks by themselves")
@pytest.mark.parametrize("choice", [None, "MALLOC_MMAP_MAX_"])
def test_what_a_training_frees_is_kept_until_it_ends_unless_the_environment_chooses(choice: str | None) -> None:
    chosen = {} if choice is None else {choice: "65536"}
    environment = {**os.environ, **chosen, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LARGE]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)
    usual, kept, after = map(float, done.stdout.split())
    assert usual < 10
    assert (kept > 290) == (choice is None)
    assert after < 10


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps what lies free")
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
