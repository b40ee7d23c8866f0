"""Starting processes by torch's launcher, for tests."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def torchrun(
    count: int, *command: object, options: Sequence[str] = (), timeout: float = 300, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command in so many processes with one thread each on the processor, and return what they said."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", *options]
    settled = {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}",
        "OMP_NUM_THREADS": "1",
        "DIPTYCH_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        **environment,
    }
    return subprocess.run(
        [*launcher, *map(str, command)], env=os.environ | settled, capture_output=True, text=True, timeout=timeout
    )
