"""The command line as a user meets it, and a tiny run to ask things of."""

import io
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from diptych.cli import main

SMALL = ("--image-encoder", "efficientnet-lite0", "--set", "image_encoder.side=64", "--text-encoder", "glove")
"""The fastest encoders that come with the installation."""
SHORT = ("--set", "training.epochs=2")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Diptych = Callable[..., Outcome]


def call(*arguments: object) -> int:
    """Run the command line in this process and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["diptych", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
    return int(left.value.code or 0)


@pytest.fixture
def diptych(capsys: pytest.CaptureFixture[str]) -> Diptych:
    """Return a function that runs `diptych` with some arguments."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = call(*arguments)
        return Outcome(code, *capsys.readouterr())

    return run


@dataclass(frozen=True)
class Trained:
    """A run, the cache that its features are in, and what was said while it was trained."""

    run: Path
    cache: Path
    said: Outcome


@pytest.fixture(scope="session")
def trained(tiny_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Return a run of two epochs on the tiny data set."""
    folder = tmp_path_factory.mktemp("trained")
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("DIPTYCH_CACHE", str(folder / "cache"))
        code = call("train", "mcsm", "--data", tiny_set, "--out", folder / "run", *SMALL, *SHORT)
    return Trained(folder / "run", folder / "cache", Outcome(code, out.getvalue(), err.getvalue()))


@pytest.fixture
def run(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the tiny run, with its features cached."""
    assert trained.said.code == 0, trained.said.err
    monkeypatch.setenv("DIPTYCH_CACHE", str(trained.cache))
    return trained.run


@pytest.fixture
def filled_shop(diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a collection of the tiny set, in the folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    assert diptych("collection", "create", "shop", "--model", run).code == 0
    assert diptych("collection", "add", "shop", tiny_set).code == 0
    return "shop"
