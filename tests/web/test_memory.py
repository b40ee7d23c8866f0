"""Memory that lies free is given back."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from diptych.web.memory import KERNELS, bound

ROOT = Path(__file__).parents[2]
HOLES = """
from pathlib import Path
from diptych.web.memory import bound, give_back

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
