"""Where things are kept, and changing a config by name."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from diptych.errors import BadSetting, UnknownName
from diptych.settings import (
    THREAD_VARIABLES,
    cache_root,
    data_roots,
    environment,
    memory_bytes,
    override,
    revive,
    thread_count,
)

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Loss:
    margin: float = 0.5
    kind: Literal["margin", "contrastive"] = "margin"
    weights: tuple[float, ...] = (1.0, 2.0)


@dataclass(frozen=True)
class Config:
    steps: int = 10
    name: str = "run"
    masked: bool = True
    clip: float | None = None
    layers: Literal[1, 2] = 2
    size: tuple[int, int] = (7, 7)
    mode: Literal["mean", "last"] | None = None
    anything: Any = None
    loss: Loss = field(default_factory=Loss)


@pytest.mark.parametrize(
    ("assignment", "read"),
    [
        ("steps=20", lambda c: c.steps == 20),
        (" steps = 20 ", lambda c: c.steps == 20),
        ("loss.margin=.25", lambda c: c.loss.margin == 0.25),
        ("clip=-.5", lambda c: c.clip == -0.5),
        ("name=.5", lambda c: c.name == ".5"),
        ("name=mcsm", lambda c: c.name == "mcsm"),
        ("name=2018", lambda c: c.name == "2018"),
        ("name=true", lambda c: c.name == "true"),
        ('name="a=b"', lambda c: c.name == "a=b"),
        ("name=", lambda c: c.name == ""),
        ("masked=false", lambda c: c.masked is False),
        ("clip=1", lambda c: c.clip == 1.0 and type(c.clip) is float),
        ("clip=null", lambda c: c.clip is None),
        ("layers=1", lambda c: c.layers == 1),
        ("size=[3, 4]", lambda c: c.size == (3, 4)),
        ("mode=last", lambda c: c.mode == "last"),
        ("anything=[1]", lambda c: c.anything == [1]),
        ("loss.margin=1", lambda c: c.loss.margin == 1.0 and type(c.loss.margin) is float),
        ("loss.margin=1e-3", lambda c: c.loss.margin == 0.001),
        ("loss.kind=contrastive", lambda c: c.loss.kind == "contrastive"),
        ("loss.weights=[1, 2, 3]", lambda c: c.loss.weights == (1.0, 2.0, 3.0)),
    ],
)
def test_an_assignment_sets_the_named_field_in_its_type(assignment: str, read: Any) -> None:
    assert read(override(Config(), [assignment]))


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("steps=1.5", r"steps must be of type int; got 1\.5\."),
        ("steps=true", r"steps must be of type int; got True\."),
        ("steps=many", r"steps must be of type int; got 'many'\."),
        ("masked=1", r"masked must be of type bool; got 1\."),
        ("masked=yes", r"masked must be of type bool; got 'yes'\."),
        ("clip=[1]", r"clip must be of type float \| None; got \[1\]\."),
        ("layers=3", r"layers must be one of 1, 2; got 3\."),
        ("layers=true", r"layers must be one of 1, 2; got True\."),
        ("size=[1]", r"size must be of type tuple\[int, int\]; got \[1\]\."),
        ("size=[1, 2.5]", r"size must be of type int; got 2\.5\."),
        ("loss.margin=wide", r"loss\.margin must be of type float; got 'wide'\."),
        ("loss.kind=both", r"loss\.kind must be one of margin, contrastive; got 'both'\."),
        ("loss=3", r"loss is a group of settings; set one of loss\.margin, loss\.kind, loss\.weights\."),
        ("steps.more=3", r"steps\.more: 'steps' is a plain value and has no parts\."),
        ("steps", r"a setting is written name=value; got 'steps'\."),
    ],
)
def test_an_assignment_that_does_not_fit_says_what_was_wanted(assignment: str, sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        override(Config(), [assignment])


@pytest.mark.parametrize(("assignment", "nearest"), [("step=3", "steps"), ("loss.margni=3", "margin")])
def test_a_misspelt_setting_is_answered_with_the_nearest(assignment: str, nearest: str) -> None:
    with pytest.raises(UnknownName, match=rf"settings has no entry .* Did you mean '{nearest}'\?"):
        override(Config(), [assignment])


def test_later_assignments_win_and_the_first_config_stays_as_it_was() -> None:
    first = Config()
    assert override(first, ["steps=1", "loss.margin=0.1", "steps=2"]) == Config(steps=2, loss=Loss(margin=0.1))
    assert first == Config()


@pytest.mark.parametrize("through_json", [False, True])
def test_a_config_comes_back_from_its_dictionary(*, through_json: bool) -> None:
    config = Config(clip=0.5, mode="mean", size=(3, 5), loss=Loss(kind="contrastive", weights=(0.5,)))
    values = json.loads(json.dumps(asdict(config))) if through_json else asdict(config)
    assert revive(Config, values) == config


def test_fields_that_a_stored_config_lacks_take_their_defaults() -> None:
    assert revive(Config, {"steps": 3, "loss": {}}) == Config(steps=3)


def test_a_stored_config_with_an_unknown_or_unfit_field_is_refused() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'steps'"):
        revive(Config, {"step": 3})
    with pytest.raises(BadSetting, match=r"margin must be of type float; got 'x'"):
        revive(Config, {"loss": {"margin": "x"}})
    with pytest.raises(BadSetting, match=r"loss must be a group of settings; got 3\."):
        revive(Config, {"loss": 3})


def test_the_cache_is_named_by_its_variable_then_by_the_desktop_s_then_at_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIPTYCH_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "own"
    monkeypatch.delenv("DIPTYCH_CACHE")
    assert cache_root() == tmp_path / "xdg" / "diptych"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_root() == tmp_path / ".cache" / "diptych"


def test_data_sets_are_looked_for_in_the_given_folder_then_the_variable_s_then_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DIPTYCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DIPTYCH_DATA", str(tmp_path / "named"))
    assert data_roots(tmp_path) == [tmp_path, tmp_path / "named", tmp_path / "cache" / "data"]
    monkeypatch.delenv("DIPTYCH_DATA")
    assert data_roots() == [tmp_path / "cache" / "data"]


def test_threads_are_counted_or_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIPTYCH_THREADS", raising=False)
    assert thread_count() >= 1
    monkeypatch.setenv("DIPTYCH_THREADS", "3")
    assert thread_count() == 3


@pytest.mark.parametrize("chosen", ["0", "00", "-1", "two", "1.5", "²", ""])
def test_an_impossible_number_of_threads_is_refused(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.setenv("DIPTYCH_THREADS", chosen)
    with pytest.raises(BadSetting, match=f"DIPTYCH_THREADS must be a whole number above 0; got '{chosen}'"):
        thread_count()


THREADS = """
import os, sys
from diptych.settings import set_torch_threads
import torch
if sys.argv[1:]:
    torch.set_num_threads(int(sys.argv[1]))
set_torch_threads()
print(torch.get_num_threads())
set_torch_threads(3)
print(torch.get_num_threads())
"""


@pytest.mark.parametrize(
    ("variables", "chosen", "found"),
    [
        ({"OMP_NUM_THREADS": "1"}, (), 1),
        ({"OMP_NUM_THREADS": "2"}, (), 2),
        ({"OMP_NUM_THREADS": "2"}, ("1",), 1),
        ({}, ("1",), 1),
        ({"DIPTYCH_THREADS": "2"}, ("1",), 2),
        ({"DIPTYCH_THREADS": "2", "OMP_NUM_THREADS": "1"}, (), 2),
    ],
)
def test_torch_keeps_the_threads_that_the_user_gave_it_unless_our_own_variable_is_set(
    variables: dict[str, str], chosen: tuple[str, ...], found: int
) -> None:
    names = ("DIPTYCH_THREADS", *THREAD_VARIABLES)
    environment = {name: value for name, value in os.environ.items() if name not in names} | variables
    command = [sys.executable, "-c", THREADS, *chosen]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(found), "3"]


def test_the_memory_is_no_more_than_the_machine_has() -> None:
    assert 2**28 < memory_bytes() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_variables_are_set_for_a_block_and_are_as_before_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE", "kept")
    monkeypatch.delenv("TWO", raising=False)
    with environment({"ONE": "1", "TWO": "2"}):
        assert (os.environ["ONE"], os.environ["TWO"]) == ("1", "2")
    assert os.environ["ONE"] == "kept"
    assert "TWO" not in os.environ
