"""Killed runs, resumed: the same bits as a run that nothing disturbed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from diptych.errors import BadCheckpoint, BadSetting

from .killing import MOMENTS, TINY, TUNED, TUNED_MOMENTS, train

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def killed(tiny_set: Path, undisturbed: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of runs that were killed, one at each moment."""
    folder = tmp_path_factory.mktemp("killed")
    threads = {"OMP_NUM_THREADS": "1", "DIPTYCH_THREADS": "1"}
    environment = os.environ | threads | {"DIPTYCH_CACHE": str(shared_cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).with_name("killing.py")), str(tiny_set), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder


def outcome(run: Path) -> dict[str, Any]:
    """Return everything that a run left which must not depend on how it got there."""
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        "weights": {path.name: path.read_bytes() for path in sorted(run.glob("*.safetensors"))},
        "metrics": [{name: line[name] for name in line if name != "seconds"} for line in metrics],
        "result": (run / "result.json").read_text(),
        "config": (run / "config.json").read_text(),
        "files": sorted(path.name for path in run.iterdir()),
    }


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_killed_at_any_moment_ends_with_the_same_bits_when_resumed(
    moment: str, killed: Path, undisturbed: Path, tiny_set: Path
) -> None:
    assert outcome(train(tiny_set, killed / moment, resume=True).folder.path) == outcome(undisturbed)


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize("moment", TUNED_MOMENTS)
def test_a_run_whose_encoders_learn_ends_with_the_same_bits_when_it_was_killed_and_resumed(
    moment: str, killed: Path, tiny_set: Path
) -> None:
    resumed = train(tiny_set, killed / "tuned" / moment, resume=True, **TUNED)
    assert outcome(resumed.folder.path) == outcome(killed / "tuned" / "whole")


def test_a_run_killed_time_and_again_ends_with_the_same_bits(killed: Path, undisturbed: Path) -> None:
    assert outcome(killed / "again") == outcome(undisturbed)


@pytest.mark.usefixtures("cached")
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    tiny_set: Path, undisturbed: Path, tmp_path: Path
) -> None:
    assert outcome(train(tiny_set, tmp_path / "same").folder.path) == outcome(undisturbed)
    other = outcome(train(tiny_set, tmp_path / "other", seed=1).folder.path)
    assert other["weights"] != outcome(undisturbed)["weights"]


@pytest.mark.usefixtures("cached")
def test_training_leaves_the_global_generator_as_it_was(tiny_set: Path, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(tiny_set, tmp_path / "run", settings=(*TINY, "training.epochs=1"))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.usefixtures("cached")
def test_a_folder_that_holds_a_run_is_refused(tiny_set: Path, undisturbed: Path) -> None:
    with pytest.raises(
        BadCheckpoint, match=r"already holds a run. Continue it with --resume, or choose another folder"
    ):
        train(tiny_set, undisturbed)


@pytest.mark.usefixtures("cached")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"settings": (*TINY, "training.learning_rate=0.5")},
            "settings.training.learning_rate was 0.001 and is now 0.5",
        ),
        ({"settings": (*TINY, "image_encoder.side=72")}, "encoders.image.fingerprint was "),
        ({"seed": 1}, "seed was 0 and is now 1"),
        ({"preset": "paper"}, "preset was 'default' and is now 'paper'"),
        ({"split_seed": 3}, "data.split_seed was None and is now 3"),
    ],
)
def test_a_run_is_not_resumed_with_other_settings(
    changes: dict[str, Any], named: str, tiny_set: Path, undisturbed: Path
) -> None:
    with pytest.raises(BadCheckpoint, match=r"holds a run with other settings") as raised:
        train(tiny_set, undisturbed, resume=True, **changes)
    assert named in str(raised.value)


@pytest.mark.usefixtures("cached")
def test_a_finished_run_that_is_resumed_is_returned_as_it_is(tiny_set: Path, undisturbed: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in undisturbed.iterdir()}
    resumed = train(tiny_set, undisturbed, resume=True)
    assert resumed.evaluate().average_map() >= 0
    assert {path: path.stat().st_mtime_ns for path in undisturbed.iterdir()} == before


@pytest.mark.usefixtures("cached")
def test_a_damaged_checkpoint_is_named_when_a_run_is_resumed(tiny_set: Path, undisturbed: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes((undisturbed / "config.json").read_bytes())
    whole = (undisturbed / "model.safetensors").read_bytes()
    (tmp_path / "checkpoint.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadCheckpoint, match=r"checkpoint.safetensors cannot be read as weights .* truncated"):
        train(tiny_set, tmp_path, resume=True)


@pytest.mark.usefixtures("cached")
def test_a_refused_start_leaves_no_run_behind(tiny_set: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"training.epochs must be above 0"):
        train(tiny_set, tmp_path / "run", settings=("training.epochs=0",))
    assert not (tmp_path / "run").exists()
