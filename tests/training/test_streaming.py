"""Training on more than memory shall hold."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .launched import ROOT


def told(folder: Path, shards: int) -> dict[str, float]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "DIPTYCH_THREADS": "1"}
    command = [sys.executable, str(Path(__file__).with_name("streaming.py")), str(folder), str(shards)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="memory is told by Linux's /proc")
def test_ten_times_as_many_features_take_no_more_memory(tmp_path: Path) -> None:
    few, many = (told(tmp_path / str(shards), shards) for shards in (6, 60))
    assert many["features"] - few["features"] > 450
    assert many["own"] - few["own"] < 150
