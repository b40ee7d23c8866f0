"""Several processes on the command line: killed ones are started again, and what is refused is one sentence."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from .killing import TINY
from .launched import ROOT, torchrun

EPOCHS = 30
SETTINGS = [word for setting in (*TINY, f"training.epochs={EPOCHS}") for word in ("--set", setting)]
ON_PROCESSORS = {"CUDA_VISIBLE_DEVICES": ""}
"""Two processes want two GPUs where there are any, and are the same to the bit on processors alone."""
ENCODERS = ("--image-encoder", "efficientnet-lite0", "--text-encoder", "glove")


def command(data: Path, out: Path, *more: object, method: str = "mcsm") -> list[str]:
    words = ("-m", "diptych", "train", method, "--data", data, "--out", out, *ENCODERS, *SETTINGS, *more)
    return [str(word) for word in words]


@pytest.fixture
def environment(cached: Path) -> dict[str, str]:
    return os.environ | {"DIPTYCH_CACHE": str(cached), "PYTHONPATH": str(ROOT), "DIPTYCH_THREADS": "2"} | ON_PROCESSORS


def trained(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def whole(tiny_set: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run of two processes that nothing disturbed."""
    run = tmp_path_factory.mktemp("launched") / "whole"
    environment = (
        os.environ
        | {"DIPTYCH_CACHE": str(shared_cache), "PYTHONPATH": str(ROOT), "DIPTYCH_THREADS": "2"}
        | ON_PROCESSORS
    )
    done = trained(command(tiny_set, run, "--processes", 2), environment)
    assert done.returncode == 0, done.stderr
    return run


def outcome(run: Path) -> dict[str, object]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": (run / "model.safetensors").read_bytes(),
        "metrics": [{name: line[name] for name in line if name != "seconds"} for line in lines],
        "result": (run / "result.json").read_text(),
        "files": sorted(path.name for path in run.iterdir()),
    }


def children(process: int) -> Iterator[int]:
    for task in Path(f"/proc/{process}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def kill_rank(launcher: subprocess.Popen[str], rank: int, metrics: Path, *, epochs: int) -> None:
    """Kill a process of a launch, as the system would for want of memory, when so many epochs are written."""
    while launcher.poll() is None and (not metrics.exists() or len(metrics.read_text().splitlines()) < epochs):
        time.sleep(0.02)
    for child in children(launcher.pid):
        with suppress(FileNotFoundError):
            if f"RANK={rank}".encode() in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
                os.kill(child, signal.SIGKILL)


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are found in Linux's /proc")


@needs_proc
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_is_started_again_and_the_run_ends_with_the_same_bits(
    rank: int, whole: Path, tiny_set: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    run = tmp_path / "killed"
    words = [sys.executable, *command(tiny_set, run, "--processes", 2)]
    with subprocess.Popen(
        words, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as launcher:
        kill_rank(launcher, rank, run / "metrics.jsonl", epochs=3)
        said, errors = launcher.communicate(timeout=300)
    assert launcher.returncode == 0, errors
    assert "A training process died. Restarting all from the last checkpoint, restart 1." in errors
    assert said.startswith("Validation MAP ")
    assert "Traceback" not in errors
    assert outcome(run) == outcome(whole)


@needs_proc
@pytest.mark.thorough
def test_a_process_that_dies_too_often_is_told_in_one_sentence_and_the_run_is_resumed_by_hand(
    whole: Path, tiny_set: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    run = tmp_path / "lost"
    words = [sys.executable, *command(tiny_set, run, "--processes", 2, "--max-restarts", 0)]
    with subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True) as launcher:
        kill_rank(launcher, 1, run / "metrics.jsonl", epochs=3)
        _, errors = launcher.communicate(timeout=300)
    assert launcher.returncode == 2
    refusals = [line for line in errors.splitlines() if not line.startswith("training: ")]
    assert refusals == [
        "Error: training process 1 of diptych was killed by SIGKILL. Repeat the command with --resume to continue "
        "from the last checkpoint."
    ]
    resumed = trained(command(tiny_set, run, "--processes", 2, "--resume"), environment)
    assert resumed.returncode == 0, resumed.stderr
    assert outcome(run) == outcome(whole)


@pytest.mark.parametrize(
    ("more", "method", "sentence"),
    [
        (["--set", "training.epochs=0"], "mcsm", "training.epochs must be above 0; got 0."),
        pytest.param(
            ["--set", "training.batch=1"],
            "mcsm",
            "a batch of 1 pairs cannot be shared by 2 processes.",
            marks=pytest.mark.thorough,
        ),
        (["--set", "training.learning_rate=1e30", "--set", "training.clip=0"], "mcsm", " became nan in epoch "),
    ],
)
def test_what_processes_refuse_is_one_sentence_and_not_tried_again(
    more: list[str], method: str, sentence: str, tiny_set: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    words = command(tiny_set, tmp_path / "run", *more, "--processes", 2, method=method)
    done = trained(words, environment)
    assert done.returncode == 2
    (told,) = [line for line in done.stderr.splitlines() if not line.startswith("training: ")]
    assert told.startswith("Error: ")
    assert sentence in told


def test_a_method_in_closed_form_is_not_divided(tiny_set: Path, environment: dict[str, str], tmp_path: Path) -> None:
    words = ["-m", "diptych", "train", "cca", "--data", tiny_set, "--out", tmp_path / "run", "--processes", 2]
    done = trained(list(map(str, words)), environment)
    assert done.returncode == 2
    assert done.stderr == "Error: cca does not learn by gradient and runs in one process. Omit --processes.\n"


def test_torchrun_gives_the_same_run(whole: Path, tiny_set: Path, environment: dict[str, str], tmp_path: Path) -> None:
    done = torchrun(2, *command(tiny_set, tmp_path / "run"), **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Validation MAP ")
    assert outcome(tmp_path / "run") == outcome(whole)


@pytest.mark.thorough
def test_a_refusal_under_torchrun_is_said_by_one_process(
    tiny_set: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    words = command(tiny_set, tmp_path / "run", "--set", "training.epochs=0")
    done = torchrun(2, *words, options=["--max-restarts=2"], **environment)
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("Error: ")] == [
        "Error: training.epochs must be above 0; got 0. Set it with --set training.epochs=..."
    ]
