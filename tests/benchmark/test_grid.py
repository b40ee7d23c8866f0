"""A whole benchmark in real processes: its cells, its resuming, and that nothing has seen a test item."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diptych.benchmark.cell import Cell
from diptych.benchmark.fitting import SHARES, TEMPERATURES
from diptych.benchmark.grid import Benchmark
from diptych.benchmark.task import DataSource
from diptych.errors import BadSetting, UnknownName
from diptych.methods import ROOM
from diptych.retriever import Retriever

PROGRAM = "import sys; from diptych.cli import main; sys.argv[0] = 'diptych'; main()"
FEW = ("cca", "semantic-matching", "deep-sm")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Share one cache among all tests of this file, and one thread a process."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(folder))
        patch.setenv("DIPTYCH_THREADS", "2")
        yield folder


def benchmark(data: Path, out: Path, **changes: Any) -> Benchmark:
    """Return a benchmark on the smallest encoders."""
    source = DataSource(str(data), None, None, "efficientnet-lite0", "glove", ("image_encoder.side=64",))
    return Benchmark(**{"source": source, "out": out, "methods": FEW, "search_budget": 2, **changes})


@pytest.fixture(scope="module")
def everything(tiny_set: Path, own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a benchmark of every method."""
    out = tmp_path_factory.mktemp("benchmarks") / "all"
    benchmark(tiny_set, out, methods=("all",)).run(jobs=2)
    return out


def cells(out: Path) -> dict[str, Cell]:
    found = [Cell.read(file) for file in sorted((out / "cells").glob("*/*.json"))]
    return {cell.name: cell for cell in found}


def test_every_method_has_a_cell_or_a_reason(everything: Path, tiny_set: Path) -> None:
    table = benchmark(tiny_set, everything, methods=("all",)).run(jobs=1)
    rows = {row.name for row in table.rows} - {"chance"}
    reasons = dict(table.not_applicable)
    assert rows | reasons.keys() == set(ROOM.names())
    assert not rows & reasons.keys()
    # 16 pairs are fewer than DCCA's dimensions, and there is no hub to take a dual encoder from
    assert reasons.keys() == {"dcca", "joint"}
    assert "dimensions" in reasons["dcca"]


def test_a_cell_holds_its_search_and_chooses_the_best_on_validation(everything: Path) -> None:
    for name, cell in cells(everything).items():
        reached = [-1 if fit.validation_map is None else fit.validation_map for fit in cell.fits]
        assert len(cell.fits) == (2 if name != "joint" else 1)
        assert cell.best.validation_map == max(reached)
        assert cell.fits[0].settings == ()
        assert len(cell.ids) == len(cell.ap["image_to_text"]) == len(cell.ap["text_to_image"]) == 4
        assert cell.config["method"] == name
        assert {"diptych", "torch", "numpy"} <= cell.config["versions"].keys()


def test_the_chosen_run_is_a_run_like_any_other(everything: Path) -> None:
    for cell in cells(everything).values():
        evaluation = Retriever.load(everything / cell.run).evaluate()
        assert evaluation.average_map() == pytest.approx(cell.figures["average_map"])
        assert evaluation.scores["fused"]["image_to_text"].ap.tolist() == pytest.approx(cell.ap["image_to_text"])


def test_what_is_done_is_not_done_again(everything: Path, tiny_set: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in everything.glob("cells/*/*.json")}
    told: list[str] = []
    benchmark(tiny_set, everything, methods=("all",)).run(progress=lambda done, total, label: told.append(label))
    assert {file: file.stat().st_mtime_ns for file in everything.glob("cells/*/*.json")} == before
    assert not [label for label in told if label.startswith("benchmark")]


def test_no_method_sees_the_categories_of_test_items(everything: Path, tiny_set: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tiny_set, tmp_path / "tiny")
    rows = [json.loads(line) for line in (other / "pairs.jsonl").read_text().splitlines()]
    for row in rows:
        if row["split"] == "test":
            row["category"] = {"disc": "square", "square": "disc"}[row["category"]]
    (other / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    benchmark(other, tmp_path / "out", methods=("all",)).run(jobs=2)
    again = cells(tmp_path / "out")
    for name, cell in cells(everything).items():
        assert again[name].run == cell.run
        files = [folder / cell.run / "model.safetensors" for folder in (everything, tmp_path / "out")]
        assert files[0].read_bytes() == files[1].read_bytes(), name


def test_a_killed_benchmark_goes_on_and_ends_with_the_same_figures(tiny_set: Path, tmp_path: Path) -> None:
    whole = {name: cell.ap for name, cell in cells(_run(tiny_set, tmp_path / "whole")).items()}
    command = [
        sys.executable, "-c", PROGRAM, "benchmark", "--data", tiny_set, "--out", tmp_path / "cut", "--jobs", "2",
        "--methods", ",".join(FEW), "--search-budget", "2", "--image-encoder", "efficientnet-lite0",
        "--text-encoder", "glove", "--set", "image_encoder.side=64",
    ]  # fmt: skip
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "cut").glob("runs/*/*/*/fit.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    kept = {file: file.stat().st_mtime_ns for file in (tmp_path / "cut").glob("runs/*/*/*/fit.json")}
    assert kept
    assert _ended(process.pid), "processes of a killed benchmark live on"
    assert {name: cell.ap for name, cell in cells(_run(tiny_set, tmp_path / "cut")).items()} == whole
    assert all(file.stat().st_mtime_ns == time_written for file, time_written in kept.items())


def _run(data: Path, out: Path) -> Path:
    benchmark(data, out).run(jobs=2)
    return out


def _ended(group: int) -> bool:
    """Return whether no process of a group is left after ten seconds at most."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_another_budget_in_the_same_folder_is_refused(tiny_set: Path, tmp_path: Path) -> None:
    benchmark(tiny_set, tmp_path, methods=("cca",)).run(jobs=1)
    with pytest.raises(BadSetting, match=r"holds a different benchmark \(search_budget was 2 and is now 3\)"):
        benchmark(tiny_set, tmp_path, methods=("cca",), search_budget=3).run(jobs=1)


def test_methods_can_be_added_later_and_a_preset_is_a_row_of_its_own(tiny_set: Path, tmp_path: Path) -> None:
    benchmark(tiny_set, tmp_path, methods=("cca",), search_budget=1).run(jobs=1)
    table = benchmark(tiny_set, tmp_path, methods=("cca", "corr-ae:plain"), search_budget=1).run(jobs=1)
    assert {row.name for row in table.rows} == {"cca", "corr-ae:plain", "chance"}


def test_a_setting_of_a_method_is_the_ground_of_its_search(tiny_set: Path, tmp_path: Path) -> None:
    benchmark(tiny_set, tmp_path, methods=("cca",), settings=("cca.ridge=0.7",), search_budget=2).run(jobs=1)
    cell = cells(tmp_path)["cca"]
    assert cell.fits[0].settings == ("ridge=0.7",)
    assert cell.fits[1].settings[0] == "ridge=0.7"


def test_a_transductive_method_stands_in_a_table_of_its_own(tiny_set: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="jrl:transductive learns from the features of test items"):
        benchmark(tiny_set, tmp_path, methods=("cca", "jrl:transductive")).run()
    with pytest.raises(BadSetting, match="they cannot stand in one table"):
        benchmark(tiny_set, tmp_path, methods=("cca", "jrl"), settings=("jrl.transductive=true",)).run()
    table = benchmark(tiny_set, tmp_path, methods=("jrl:transductive",), search_budget=1).run(jobs=1)
    assert [row.name for row in table.rows if row.name != "chance"] == ["jrl:transductive"]


def test_a_method_of_another_package_stands_in_the_table(tiny_set: Path, tmp_path: Path) -> None:
    write_plugin(tmp_path / "plugins")
    command = [
        sys.executable, "-c", PROGRAM, "benchmark", "--data", tiny_set, "--out", tmp_path / "out", "--json",
        "--methods", "cca,longest-word", "--search-budget", "1", "--image-encoder", "efficientnet-lite0",
        "--text-encoder", "glove", "--set", "image_encoder.side=64",
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "plugins"), *sys.path])}
    done = subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {row["method"] for row in json.loads(done.stdout)["rows"]} == {"cca", "longest-word", "chance"}


def write_plugin(folder: Path) -> None:
    """Write an installed package that adds the method `longest-word` through an entry point."""
    info = folder / "longest_word-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: longest-word\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[diptych.methods]\nlongest-word = longest_word\n")
    (folder / "longest_word.py").write_text('''"""Compares the largest numbers of both sides."""
from dataclasses import dataclass, field
from diptych.methods.inputs import InputConfig, Widths
from diptych.methods.module import MethodConfig
from diptych.methods.one_space import OneSpace
from diptych.rooms import Card

CARD = Card(title="The largest number", learns="nothing")

@dataclass(frozen=True)
class Config(MethodConfig):
    """How inputs are scaled."""
    image: InputConfig = field(default_factory=InputConfig)
    text: InputConfig = field(default_factory=InputConfig)

class Model(OneSpace):
    """Keeps the largest two numbers."""
    @classmethod
    def fitted(cls, config, features):
        return cls(config, Widths.of(features))
    @property
    def width(self):
        return 2
    def vectors(self, modality, whole):
        return whole.topk(2).values

PRESETS = {"default": Config()}
SEARCH = {}
''')


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"search_budget": 0}, "--search-budget must be at least 1, the preset alone; got 0."),
        ({"split_seeds": (1, 1)}, "--split-seeds must name each split once"),
        ({"split_seeds": ()}, "--split-seeds must name each split once"),
    ],
)
def test_an_impossible_request_is_refused(
    tiny_set: Path, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(BadSetting, match=sentence):
        benchmark(tiny_set, tmp_path, **changes)


def test_unknown_methods_and_presets_are_answered_with_the_nearest(tiny_set: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'kcca'"):
        benchmark(tiny_set, tmp_path, methods=("kca",)).run()
    with pytest.raises(UnknownName, match=r"presets of mcsm has no entry 'papr'\. Did you mean 'paper'"):
        benchmark(tiny_set, tmp_path, methods=("mcsm:papr",)).run()
    with pytest.raises(UnknownName, match="methods of this benchmark has no entry 'kcca'"):
        benchmark(tiny_set, tmp_path, methods=("cca",), settings=("kcca.ridge=1",)).run()
    with pytest.raises(BadSetting, match="--jobs must be at least 1; got -1"):
        benchmark(tiny_set, tmp_path).run(jobs=-1)


def test_with_posteriors_every_row_is_followed_by_one_of_the_same_model_under_the_best_share(
    tiny_set: Path, tmp_path: Path
) -> None:
    wanted = benchmark(tiny_set, tmp_path / "b", methods=("cca", "deep-sm"), search_budget=1, posteriors=True)
    table = wanted.run(jobs=2)
    assert {row.name for row in table.rows} == {"cca", "cca+posteriors", "deep-sm", "deep-sm+posteriors", "chance"}
    found = cells(tmp_path / "b")
    for name in ("cca", "deep-sm"):
        plain, mixed = found[name], found[f"{name}+posteriors"]
        assert (plain.run, plain.posteriors, mixed.posteriors) == (mixed.run, False, True)
        assert len(mixed.fits) == len(SHARES) * len(TEMPERATURES)
        assert mixed.best.figure == max(fit.figure for fit in mixed.fits)
        share, temperature = (setting.partition("=")[2] for setting in mixed.best.settings)
        run = Retriever.train(
            name, str(tiny_set), out=tmp_path / f"run {name}", image_encoder="efficientnet-lite0",
            text_encoder="glove", settings=["image_encoder.side=64", *plain.best.settings,
                                            f"posteriors.share={share}", f"posteriors.temperature={temperature}"],
        )  # fmt: skip
        assert run.evaluate().average_map() == pytest.approx(mixed.figures["average_map"], abs=1e-6)
    assert wanted.run(jobs=1).as_dict() == table.as_dict()


def test_posteriors_without_categories_or_beside_a_share_of_ones_own_are_refused(
    tiny_set: Path, tmp_path: Path
) -> None:
    own = benchmark(tiny_set, tmp_path / "b", posteriors=True, settings=("cca.posteriors.share=0.5",))
    with pytest.raises(
        BadSetting, match=r"--posteriors chooses the posteriors of every method itself\. Omit --set cca"
    ):
        own.run(jobs=1)
    bare = tmp_path / "bare"
    shutil.copytree(tiny_set, bare)
    manifest = bare / "pairs.jsonl"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace('"category"', '"note"'), encoding="utf-8")
    with pytest.raises(BadSetting, match="--posteriors needs categories, and these pairs have none"):
        benchmark(bare, tmp_path / "c", methods=("cca",), posteriors=True).run(jobs=1)
