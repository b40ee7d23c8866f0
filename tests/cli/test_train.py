import json
from pathlib import Path

import pytest

from diptych.retriever import Retriever

from .conftest import SHORT, SMALL, Diptych, Trained


def test_train_ends_with_the_validation_figure_and_the_place_of_the_run(trained: Trained, run: Path) -> None:
    assert trained.said.out.startswith("Validation MAP ")
    assert trained.said.out.endswith(f"The run is in {run}.\n")
    assert "training: epoch 2/2" in trained.said.err
    assert (run / "training.png").is_file()


def test_a_finished_run_is_answered_at_once_when_resumed_and_refused_otherwise(
    diptych: Diptych, tiny_set: Path, run: Path
) -> None:
    command = ("train", "mcsm", "--data", tiny_set, "--out", run, *SMALL, *SHORT)
    refused = diptych(*command)
    assert refused.code == 2
    assert "already holds a run. Continue it with --resume, or choose another folder." in refused.err
    resumed = json.loads(diptych(*command, "--resume", "--json").out)
    assert resumed["run"] == str(run)
    assert 0 <= resumed["validation"]["average_map"] <= 1
    assert resumed["validation"]["split"] == "val"


def test_an_unknown_preset_is_answered_with_the_right_one(diptych: Diptych, tiny_set: Path, tmp_path: Path) -> None:
    done = diptych("train", "mcsm", "--data", tiny_set, "--out", tmp_path / "run", "--preset", "papers")
    assert done.code == 2
    assert "Did you mean 'paper'?" in done.err


def test_an_interrupted_training_says_how_to_continue(
    diptych: Diptych, monkeypatch: pytest.MonkeyPatch, tiny_set: Path, tmp_path: Path
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Retriever, "train", interrupted)
    done = diptych("train", "mcsm", "--data", tiny_set, "--out", tmp_path / "run")
    assert done.code == 130
    assert f"Run the same command with --resume to continue in {tmp_path / 'run'}." in done.err
