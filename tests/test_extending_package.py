"""The guide's examples of a method, a fusion rule and a store: its package is installed and its commands run."""

import json
import shlex
import shutil
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from diptych.cli import main
from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Statistics
from diptych.methods import ROOM as METHODS
from diptych.methods import mcsm
from diptych.settings import override

from .guide_package import commands, files, installed
from .methods import test_every_method
from .methods.features import random_features
from .test_documents import SMALL


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the package of the guide."""
    with installed(tmp_path_factory.mktemp("package")):
        yield


@pytest.fixture
def at_home(tmp_path: Path, tiny_set: Path, shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder that holds `my-pictures`, where MCSM is small and trains briefly."""
    shutil.copytree(tiny_set, tmp_path / "my-pictures")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIPTYCH_CACHE", str(shared_cache))
    monkeypatch.setitem(mcsm.PRESETS, "default", override(mcsm.PRESETS["default"], SMALL))
    return tmp_path


def run(line: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what a command prints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", shlex.split(line))
        with pytest.raises(SystemExit) as left:
            main()
    told = capsys.readouterr()
    assert not left.value.code, f"{line}\n{told.err}"
    return told.out


def test_the_package_adds_nothing_but_the_files_that_the_guide_prints() -> None:
    assert {name for name in files() if name != "pyproject.toml"} == {
        f"diptych_extras/{name}.py" for name in ("ridge", "linear_maps", "shifted_ridge", "maximum", "sqlite")
    }


@pytest.mark.parametrize("section", ["A method", "A fusion rule", "A store"])
def test_the_commands_of_a_section_run_from_top_to_bottom(
    section: str, at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = commands(section)
    assert lines
    for line in lines:
        run(line, capsys)


CONTRACT = (
    test_every_method.test_a_method_can_be_traced_from_its_inputs_to_its_similarities,
    test_every_method.test_an_item_lies_where_it_lies_whatever_lies_beside_it,
    test_every_method.test_one_side_lies_where_it_lies_without_the_other,
    test_every_method.test_features_of_another_width_are_refused,
)


@pytest.mark.parametrize("name", ["ridge", "linear-maps"])
def test_a_method_of_the_guide_keeps_the_contract(name: str, tmp_path: Path) -> None:
    for kept in CONTRACT:
        kept(name, tmp_path / kept.__name__)
    test_every_method.test_a_saved_method_places_as_before(name, "default", tmp_path / "saved")
    test_every_method.test_its_card_tells_how_it_learns(name)


def test_ridge_regression_is_the_least_of_its_objective() -> None:
    ridge, features = METHODS.open("ridge"), random_features(40, seed=3)
    config = ridge.Config(ridge=0.3)
    model = ridge.Model.fitted(config, features)
    x, y = model.fit_inputs(features)
    w = model.image_basis.double().numpy()
    slope = x.T @ (x @ w - y) / len(x) + config.ridge * w
    assert np.abs(slope).max() < 1e-5 * np.abs(x.T @ y / len(x)).max()
    assert np.array_equal(model.text_basis.numpy(), np.eye(y.shape[1]))


def test_the_maximum_is_the_larger_of_two_similarities_normalised_one_by_one() -> None:
    visual, textual = np.random.default_rng(0).standard_normal((2, 4, 7))
    fused = maximum().fuse(visual, textual, queries="image")
    for q in range(4):
        for g in range(7):
            r = [(s[q, g] - min(s[q])) / (max(s[q]) - min(s[q])) for s in (visual, textual)]
            assert fused[q, g] == pytest.approx(max(r), rel=1e-12)


def test_the_maximum_is_served_as_it_is_defined() -> None:
    draw = np.random.default_rng(0)
    for size in (1, 2, 9, 30) * 25:
        visual, textual = (draw.standard_normal(size) * draw.choice([1e-3, 1, 50]) + draw.normal() for _ in "VT")
        if draw.random() < 0.2:
            visual[:] = visual[0]
        service = maximum().served(Statistics.of(visual), Statistics.of(textual))
        fused = maximum().fuse(visual[None], textual[None], queries="text")[0]
        np.testing.assert_allclose(service.score(visual, textual), fused, rtol=1e-9, atol=1e-9)
        nearness = service.visual * visual + service.textual * textual
        bounds = np.array([service.bound(float(g)) for g in np.sort(nearness)])
        assert (service.score(visual, textual)[np.argsort(nearness)] <= bounds).all()
        assert (np.diff(bounds) >= -1e-9).all()
        moved = [row + error * draw.choice([-1.0, 0.3, 1.0], size) for row, error in ((visual, 0.01), (textual, 0.2))]
        change = np.abs(service.score(*moved) - service.score(visual, textual))
        assert (change <= service.slack(0.01, 0.2) * (1 + 1e-9) + 1e-9).all()


def test_a_collection_in_the_store_of_the_guide_answers_as_one_in_lance_does(
    at_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hits = {}
    for place in ("sqlite://files", "files-in-lance"):
        run(f"diptych collection create {place} --model conse --text-encoder glove", capsys)
        run(f"diptych collection add {place} my-pictures", capsys)
        found = run(
            f"diptych search {place} --text 'a red square' -k 24 --where \"category = 'square'\" --json", capsys
        )
        hits[place] = [(hit["id"], pytest.approx(hit["similarity"], abs=1e-6)) for hit in json.loads(found)["hits"]]
    one, other = hits.values()
    assert len(one) == 12
    assert one == other


def maximum() -> FusionRule:
    rule: FusionRule = import_module("diptych_extras.maximum").Rule()
    return rule
