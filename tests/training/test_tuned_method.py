"""Encoders that learn with a method: the run holds them, and everything reads with them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from diptych.benchmark.grid import Benchmark
from diptych.collection import Collection
from diptych.encoders.registry import open_encoder
from diptych.encoders.tensor_files import load_tensors, save_tensors
from diptych.errors import BadCheckpoint, BadSetting, MissingData
from diptych.methods.module import TuneConfig
from diptych.methods.recipe import Recipe
from diptych.retriever import Retriever
from diptych.training.data_source import DataSource
from diptych.training.loop import build_optimiser
from diptych.training.request import TrainingRequest
from diptych.training.run_folder import RunFolder

SIDE = "image_encoder.side=64"
SHORT = (SIDE, "training.epochs=2", "training.batch=8")
NARROW = ("visual.width=16", "textual.width=16")
BOTH = ("tune.image=2", "tune.text=1")
LITE0 = {"image_encoder": "efficientnet-lite0"}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Share one cache among all tests of this file."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(folder))
        patch.setenv("DIPTYCH_THREADS", "1")
        yield folder


def train(method: str, data: Path, out: Path, *settings: str, **changes: Any) -> Retriever:
    narrow = NARROW if method == "mcsm" else ()
    return Retriever.train(method, str(data), out=out, settings=(*SHORT, *narrow, *settings), **{**LITE0, **changes})


@pytest.fixture(scope="module")
def tuned(tiny_set: Path, own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return train("mcsm", tiny_set, tmp_path_factory.mktemp("runs") / "tuned", *BOTH)


def last_figure(run: Path) -> float:
    figure: float = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["validation_map"]
    return figure


@pytest.mark.parametrize("method", ["mcsm", "deep-sm", "dcca", "corr-ae", "cmdn", "dual-encoder"])
def test_every_method_that_learns_by_gradient_learns_with_its_encoders(
    method: str, tiny_set: Path, tmp_path: Path
) -> None:
    small = {"dcca": ("dimensions=4",), "cmdn": ("joint=8",)}.get(method, ())
    run = train(method, tiny_set, tmp_path / "run", *BOTH, *small, "training.keep=last")
    base = {"image": open_encoder("efficientnet-lite0", ["side=64"]), "text": open_encoder("minilm", modality="text")}
    for modality, encoder in base.items():
        own = load_tensors(run.folder.encoder_files[modality])[0]  # type: ignore[index]
        before = encoder.cut(2 if modality == "image" else 1).top.state_dict()  # type: ignore[union-attr]
        assert own.keys() == before.keys()
        assert any(not torch.equal(own[name], before[name]) for name in own)
    # what validation saw from activations is what the run's encoders give
    assert run.evaluate(split="val").average_map() == pytest.approx(last_figure(run.folder.path), abs=2e-3)


def test_a_run_reads_with_its_own_encoders(tuned: Retriever, tiny_set: Path) -> None:
    see, read = tuned.encoders.both()
    frozen = open_encoder("efficientnet-lite0", ["side=64"])
    assert see.name == read.name == f"run:{tuned.folder.path.absolute()}"
    picture = see.prepare(tiny_set / "0.png")  # type: ignore[union-attr]
    own, before = (np.asarray(each.encode([picture])[0].whole) for each in (see, frozen))  # type: ignore[union-attr]
    assert own.shape == before.shape
    assert np.abs(own - before).max() > 1e-3
    assert Retriever.load(tuned.folder.path).search(text="a red square", k=1).hits[0].id.startswith("p")


def test_a_run_that_moved_reads_with_its_own_encoders_all_the_same(tuned: Retriever, tmp_path: Path) -> None:
    moved = Retriever.load(shutil.copytree(tuned.folder.path, tmp_path / "moved"))
    fingerprints = [each.encoders["image"].fingerprint for each in (tuned, moved)]  # type: ignore[union-attr]
    assert fingerprints[0] == fingerprints[1]
    assert moved.evaluate().average_map() == tuned.evaluate().average_map()


def test_a_collection_is_filled_and_searched_with_a_tuned_run(
    tuned: Retriever, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = Collection.create(str(tmp_path / "shop"), model=str(tuned.folder.path))
    collection.add(str(tiny_set))
    opened: list[str] = []
    real = open_encoder

    def watched(name: str, *arguments: Any, **named: Any) -> Any:
        opened.append(named["modality"])
        return real(name, *arguments, **named)

    monkeypatch.setattr("diptych.encoders.lazy.open_encoder", watched)
    hits = Collection.open(str(tmp_path / "shop")).search(text="a red square", k=3).hits
    assert len(hits) == 3
    assert opened == ["text"]  # a text query opens no image network, tuned or not


def test_any_method_reads_with_the_encoders_of_a_run(tuned: Retriever, tiny_set: Path, tmp_path: Path) -> None:
    lent = f"run:{tuned.folder.path}"
    run = Retriever.train("cca", str(tiny_set), out=tmp_path / "cca", image_encoder=lent, text_encoder=lent)
    assert run.config.encoders.image.fingerprint == tuned.encoders["image"].fingerprint  # type: ignore[union-attr]
    assert run.evaluate().average_map() > 0


def test_a_benchmark_has_rows_whose_encoders_learn(tiny_set: Path, tmp_path: Path) -> None:
    source = DataSource(str(tiny_set), None, None, "efficientnet-lite0", "minilm", (SIDE,))
    settings = tuple(f"deep-sm.{each}" for each in ("training.epochs=2", "training.batch=8", *BOTH))
    rows = ("deep-sm", "semantic-matching")
    benchmark = Benchmark(source, tmp_path / "out", rows, search_budget=1, settings=settings, posteriors=True)
    table = benchmark.run(jobs=1)
    assert {row.name for row in table.rows} == {
        *("deep-sm", "deep-sm+posteriors", "semantic-matching", "semantic-matching+posteriors", "chance")
    }
    run = RunFolder(next((tmp_path / "out" / "runs" / "deep-sm").glob("*/0")))
    assert run.tuned == ("image", "text")


def test_posteriors_stand_beside_a_method_whose_encoders_learn(tiny_set: Path, tmp_path: Path) -> None:
    for method in ("mcsm", "dual-encoder"):
        run = train(method, tiny_set, tmp_path / method, *BOTH, "posteriors.share=0.5")
        assert Retriever.load(run.folder.path).evaluate().average_map() == run.evaluate().average_map()


def test_one_modality_may_learn_alone(tiny_set: Path, tmp_path: Path) -> None:
    run = train("mcsm", tiny_set, tmp_path / "run", "tune.image=1", text_encoder="glove")
    assert run.folder.tuned == ("image",)
    assert run.encoders["text"].name == "glove"
    assert run.evaluate().average_map() > 0


def test_the_scaling_of_inputs_stays_as_it_was_fitted(tiny_set: Path, tmp_path: Path) -> None:
    frozen = train("deep-sm", tiny_set, tmp_path / "frozen")
    learnt = train("deep-sm", tiny_set, tmp_path / "tuned", *BOTH)
    for name, value in frozen.model.named_buffers():  # type: ignore[attr-defined]
        assert torch.equal(value, dict(learnt.model.named_buffers())[name])  # type: ignore[attr-defined]


def test_a_block_learns_the_slower_the_more_blocks_follow_it(tiny_set: Path) -> None:
    source = DataSource(str(tiny_set), None, None, "efficientnet-lite0", "minilm", (SIDE,))
    settings = ("tune.image=2", "tune.rate=0.2", "tune.fall=0.5")
    data = source.open(None)
    model = (
        TrainingRequest("deep-sm", "default", settings, source, None).training(data, data.learning_features())._fitted()
    )
    groups = build_optimiser(model, Recipe()).param_groups  # type: ignore[arg-type]
    names = {id(weight): name for name, weight in model.named_parameters()}  # type: ignore[attr-defined]
    factors = {names[id(weight)]: group["factor"] for group in groups for weight in group["params"]}
    of_blocks = {name.split(".")[3]: factor for name, factor in factors.items() if name.startswith("tops.image.blocks")}
    assert of_blocks == {"0": pytest.approx(0.05), "1": pytest.approx(0.1), "2": pytest.approx(0.2)}
    assert {factor for name, factor in factors.items() if name.startswith("method.")} == {1.0}


def test_a_method_in_closed_form_is_refused(tiny_set: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"cca does not learn by gradient.* --image-encoder run:RUN"):
        Retriever.train("cca", str(tiny_set), out=tmp_path / "run", settings=("tune.image=1",), **LITE0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"image": -1}, r"tune.image must be a number of blocks or all; got -1"),
        ({"text": -2}, r"tune.text must be a number of blocks or all; got -2"),
        ({"rate": 0.0}, r"tune.rate must be above 0 and at most 1; got 0.0"),
        ({"fall": 1.5}, r"tune.fall must be above 0 and at most 1; got 1.5"),
        ({"crop": 0.0}, r"tune.crop must be above 0 and at most 1; got 0.0"),
        ({"sentences": 1.0}, r"tune.sentences must be at least 0 and below 1; got 1.0"),
        ({"words": -0.1}, r"tune.words must be at least 0 and below 1; got -0.1"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSetting, match=message):
        TuneConfig(**values)


def test_a_run_without_tuned_encoders_lends_none(tiny_set: Path, tmp_path: Path) -> None:
    run = train("deep-sm", tiny_set, tmp_path / "run")
    with pytest.raises(MissingData, match=r"holds no image network that a run has tuned.*tune.image=8"):
        open_encoder(f"run:{run.folder.path}")
    with pytest.raises(BadSetting, match=r"the encoder run needs a folder"):
        open_encoder("run")


def test_blocks_of_another_network_are_refused(tuned: Retriever, tmp_path: Path) -> None:
    file = shutil.copytree(tuned.folder.path, tmp_path / "copy") / "image_encoder.safetensors"
    tensors, state = load_tensors(file)
    save_tensors(file, tensors, {**state, "fingerprint": "0" * 16})
    with pytest.raises(BadCheckpoint, match=r"last blocks of efficientnet-lite0, whose other weights .* differ"):
        open_encoder(f"run:{file.parent}")
    save_tensors(file, tensors, {"epoch": 3})
    with pytest.raises(BadCheckpoint, match=r"does not name the network that it belongs to"):
        open_encoder(f"run:{file.parent}")
