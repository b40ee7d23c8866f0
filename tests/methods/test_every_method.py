"""The contract of every method: fitted, placed, saved, loaded, and blind to test data."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from diptych.data.concepts import Concepts
from diptych.data.features import Encoded, Features
from diptych.errors import MissingData, ShapeMismatch
from diptych.maths.linear_reduction import orthonormal_span
from diptych.methods import ROOM
from diptych.methods.batches import FeatureBatch
from diptych.methods.contract import GradientMethod, Method, SpanningMethod, TraceableMethod
from diptych.methods.embeddings import embed_pairs
from diptych.methods.module import MethodModule, SideInformation, open_method
from diptych.settings import override, revive
from diptych.training.learning import Training
from diptych.training.loading import load_model
from diptych.training.run import TrainingRun
from diptych.training.run_config import DataRecord, EncoderRecord, EncoderRecords, RunConfig
from diptych.training.run_folder import RunFolder

from .features import IMAGE, TEXT, random_features
from .judging import Even

ENTRIES = [(name, preset) for name in ROOM.names() for preset in ROOM.open(name).PRESETS]
LEARNING = [name for name, card in ROOM.cards().items() if card.learns != "nothing"]
SPANNING = ("mcsm", "cca", "cfa", "jrl", "lgcfl", "semantic-matching", "dual-encoder")
SHORT = ("training.epochs=2", "training.batch=20")


def concepts() -> Concepts:
    """Return five concepts over the features of `random_features`."""
    draw = np.random.default_rng(5).standard_normal
    weight, bias, vectors = (draw(shape).astype(np.float32) for shape in ((IMAGE, 5), (5,), (5, TEXT)))
    return Concepts(("cat", "dog", "bus", "car", "cup"), weight, bias, vectors)


def features_for(name: str, count: int = 40, seed: int = 0) -> Features:
    """Return features that a method can read: those of `joint` come from one dual encoder."""
    features = random_features(count, seed=seed)
    if name != "joint":
        return features
    whole = features.texts.whole
    one = "open-clip:tiny@0123"
    return Features(
        Encoded(whole + 1, None, one), Encoded(whole, None, one), features.owner, features.labels, features.ids
    )


def config(module: MethodModule, preset: str) -> Any:
    """Return a preset, shortened where it learns by gradient."""
    chosen = module.PRESETS[preset]
    return override(chosen, SHORT) if hasattr(chosen, "training") else chosen


def fit(name: str, preset: str, path: Path, features: Features) -> Method:
    chosen = config(open_method(name), preset)
    more = SideInformation(concepts(), random_features(9, classes=0, seed=3))
    known = more if name == "conse" or chosen.transductive else None
    return Training(name, chosen, features, ("a", "b", "c"), known).learn(
        TrainingRun(begun(path, name, preset)), Even()
    )


def begun(path: Path, name: str, preset: str) -> RunFolder:
    folder = RunFolder(path)
    settings = asdict(config(ROOM.open(name), preset))
    encoders = EncoderRecords(EncoderRecord("given", None), EncoderRecord("given", None), ())
    folder.begin(RunConfig(name, preset, settings, DataRecord("random", "random", None, "", ""), encoders, 0, {}))
    return folder


@pytest.mark.parametrize(("name", "preset"), ENTRIES)
def test_what_a_method_places_lies_where_it_says(name: str, preset: str, tmp_path: Path) -> None:
    model = fit(name, preset, tmp_path, features_for(name))
    assert isinstance(model, SpanningMethod) is (name in SPANNING)
    if not isinstance(model, SpanningMethod):
        return
    placed = embed_pairs(model, features_for(name, 7, seed=1))
    for modality, side in (("image", "images"), ("text", "texts")):
        for space, columns in model.span(modality).items():
            vectors, basis = getattr(placed[space], side), orthonormal_span(columns)
            assert columns.shape[0] == vectors.shape[1]
            np.testing.assert_allclose(vectors @ basis @ basis.T, vectors, atol=1e-6 * np.abs(vectors).max())


@pytest.mark.parametrize("name", ROOM.names())
def test_a_method_can_be_traced_from_its_inputs_to_its_similarities(name: str, tmp_path: Path) -> None:
    model = fit(name, "default", tmp_path, features_for(name))
    assert isinstance(model, TraceableMethod)
    some = features_for(name, 5, seed=1)
    for space, placed in embed_pairs(model, some).items():
        for modality, encoded, vectors in (("image", some.images, placed.images), ("text", some.texts, placed.texts)):
            scaled = model.scaled(modality, FeatureBatch.of(encoded, range(5)))
            whole = scaled.whole.detach().clone().requires_grad_()
            found = model.embed_scaled(space, modality, replace(scaled, whole=whole)).vectors
            np.testing.assert_allclose(found.detach(), vectors, atol=1e-5)
            found[:, 0].sum().backward()
            assert whole.grad is not None
            assert whole.grad.isfinite().all()
        assert model.reads(space) in ("image", "text") if name == "mcsm" else model.reads(space) is None


@pytest.mark.parametrize(("name", "preset"), ENTRIES)
def test_a_saved_method_places_as_before(name: str, preset: str, tmp_path: Path) -> None:
    features, other = features_for(name), features_for(name, 7, seed=1)
    model = fit(name, preset, tmp_path, features)
    again = load_model(RunFolder(tmp_path))
    assert isinstance(model, Method)
    pairs = embed_pairs(model, other)
    assert {name: pair.images.shape[1] for name, pair in pairs.items()} == model.space_widths
    for space, placed in pairs.items():
        assert space in model.spaces
        assert placed.images.dtype == placed.texts.dtype == np.float32
        assert np.isfinite(placed.similarity()).all()
        assert placed.similarity().shape == (7, 7)
        np.testing.assert_array_equal(embed_pairs(again, other)[space].images, placed.images)
        np.testing.assert_array_equal(embed_pairs(again, other)[space].texts, placed.texts)


@pytest.mark.parametrize("name", ROOM.names())
def test_the_same_training_pairs_give_the_same_model(name: str, tmp_path: Path) -> None:
    features = features_for(name)
    for run in ("one", "two"):
        fit(name, "default", tmp_path / run, features)
    one, two = (RunFolder(tmp_path / run).model_file.read_bytes() for run in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("name", ROOM.names())
def test_an_item_lies_where_it_lies_whatever_lies_beside_it(name: str, tmp_path: Path) -> None:
    model = fit(name, "default", tmp_path, features_for(name))
    gallery = features_for(name, 9, seed=2)
    rows = np.array([4, 7])
    some = Features(gallery.images.take(rows), gallery.texts.take(rows), np.arange(2), None, ("a", "b"))
    alone = embed_pairs(model, some)
    for space, placed in embed_pairs(model, gallery).items():
        np.testing.assert_allclose(alone[space].images, placed.images[rows], atol=1e-5)
        np.testing.assert_allclose(alone[space].texts, placed.texts[rows], atol=1e-5)


@pytest.mark.parametrize("name", ROOM.names())
def test_one_side_lies_where_it_lies_without_the_other(name: str, tmp_path: Path) -> None:
    model = fit(name, "default", tmp_path, features_for(name))
    gallery = features_for(name, 9, seed=2)
    nothing = np.zeros(0, dtype=np.int64)
    pictures = Features(gallery.images, gallery.texts.take(nothing), nothing, None, gallery.ids)
    texts = Features(gallery.images.take(nothing), gallery.texts, np.zeros(9, dtype=np.int64), None, ())
    seen, said = embed_pairs(model, pictures), embed_pairs(model, texts)
    for space, placed in embed_pairs(model, gallery).items():
        np.testing.assert_allclose(seen[space].images, placed.images, atol=1e-5)
        np.testing.assert_allclose(said[space].texts, placed.texts, atol=1e-5)
        assert seen[space].texts.shape == said[space].images.shape == (0, placed.images.shape[1])


@pytest.mark.parametrize("name", LEARNING)
def test_what_a_search_tries_is_a_setting_and_trains(name: str, tmp_path: Path) -> None:
    module = ROOM.open(name)
    for setting, values in module.SEARCH.items():
        for value in values:
            changed = override(module.PRESETS["default"], [f"{setting}={json.dumps(value)}"])
            assert revive(module.Config, asdict(changed)) == changed


@pytest.mark.parametrize("name", LEARNING)
def test_a_picture_with_several_texts_is_learned_from_with_each(name: str, tmp_path: Path) -> None:
    model = fit(name, "default", tmp_path, random_features(24, texts=2))
    assert all(
        np.isfinite(placed.similarity()).all() for placed in embed_pairs(model, random_features(5, texts=2)).values()
    )


@pytest.mark.parametrize("name", [name for name, card in ROOM.cards().items() if "categories" in card.needs])
def test_a_method_that_needs_categories_says_so(name: str, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="learns from categories, and these pairs have none"):
        fit(name, "default", tmp_path, random_features(12, classes=0))


@pytest.mark.parametrize("name", [name for name in ROOM.names() if name not in ("mcsm", "joint")])
def test_features_of_another_width_are_refused(name: str, tmp_path: Path) -> None:
    model = fit(name, "default", tmp_path, features_for(name))
    wide = random_features(4)
    images = Encoded(np.zeros((4, IMAGE + 2), dtype=np.float32))
    sentence = f"whole vectors of images must have {IMAGE} dimensions for this model; got {IMAGE + 2}."
    with pytest.raises(ShapeMismatch, match=re.escape(sentence)):
        embed_pairs(model, Features(images, wide.texts, wide.owner, None, wide.ids))


@pytest.mark.parametrize("name", ROOM.names())
def test_its_card_tells_how_it_learns(name: str) -> None:
    module = ROOM.open(name)
    assert (module.CARD.learns == "gradient") == hasattr(module.Model, "loss") == hasattr(module.Model, "represent")
    assert hasattr(module.PRESETS["default"], "training") == hasattr(module.Model, "loss")
    assert isinstance(module.PRESETS["default"], module.Config)
    assert hasattr(module, "Widths")
    assert GradientMethod
