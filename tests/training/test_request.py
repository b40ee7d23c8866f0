"""A training request resolves a preset and its settings."""

import json
import shutil
from pathlib import Path

import pytest

from diptych.errors import BadFeature, UnknownName
from diptych.methods import ROOM as METHODS
from diptych.retriever import Retriever
from diptych.training.data_source import DataSource
from diptych.training.request import TrainingRequest

SOURCE = DataSource("pascal-sentence", None, None, "efficientnet-lite0", "minilm")


@pytest.mark.parametrize("method", ["mcsm", "dual-encoder"])
@pytest.mark.parametrize(
    ("settings", "epochs", "steps"),
    [
        ((), 8, 80),
        (("training.batch=100",), 8, 80),
        (("training.epochs=3",), 3, 0),
        (("training.min_steps=7", "training.epochs=3"), 3, 7),
        (("training.epochs=3", "training.min_steps=7"), 3, 7),
    ],
)
def test_epochs_that_are_set_are_not_raised_unless_a_minimum_of_steps_is_set_too(
    method: str, settings: tuple[str, ...], epochs: int, steps: int
) -> None:
    recipe = TrainingRequest(method, "default", settings, SOURCE, None).chosen("partner").training
    assert (recipe.epochs, recipe.min_steps) == (epochs, steps)


def test_a_closed_form_has_no_epochs_to_set() -> None:
    with pytest.raises(UnknownName, match="settings has no entry 'training'"):
        TrainingRequest("cca", "default", ("training.epochs=3",), SOURCE, None).chosen("partner")


TRAINED = [name for name, card in METHODS.cards().items() if card.learns != "nothing"]


@pytest.mark.parametrize("method", TRAINED)
@pytest.mark.parametrize("same", ["text", "image"])
def test_pairs_whose_texts_or_pictures_are_all_the_same_are_refused_by_every_method(
    tiny_set: Path, tmp_path: Path, cached: Path, method: str, same: str
) -> None:
    folder = shutil.copytree(tiny_set, tmp_path / "equal")
    rows = [json.loads(line) for line in (folder / "pairs.jsonl").read_text().splitlines()]
    changed = [{**row, "texts": ["same"]} if same == "text" else row for row in rows]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in changed))
    if same == "image":
        for row in rows:
            shutil.copyfile(tiny_set / rows[0]["image"], folder / row["image"])
    things = "texts" if same == "text" else "pictures"
    encoders = {"image_encoder": "efficientnet-lite0", "text_encoder": "glove"}
    with pytest.raises(BadFeature, match=f"all 16 training {things} are the same, .* Train on pairs whose {things} di"):
        Retriever.train(method, folder, out=tmp_path / "run", settings="image_encoder.side=64", **encoders)
    assert not (tmp_path / "run").exists()
