"""Posteriors beside vectors: the mixture, where the posteriors come from, and what is kept of them."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData
from diptych.methods.contract import Method, SpanningMethod, TraceableMethod
from diptych.methods.embeddings import embed_pairs
from diptych.methods.module import PosteriorsConfig, open_method
from diptych.methods.posteriors import WithPosteriors
from diptych.settings import override
from diptych.training.learning import Training
from diptych.training.loading import load_model, renamed
from diptych.training.run import TrainingRun
from diptych.training.run_config import DataRecord, EncoderRecord, EncoderRecords, RunConfig
from diptych.training.run_folder import RunFolder

from .features import SMALL, random_features
from .judging import Even

CHANGES = {"cca": (), "dcca": ("training.epochs=1", "dimensions=4"), "mcsm": (*SMALL, "training.epochs=1")}


def trained(path: Path, name: str, share: float, features: Features, *changes: str) -> Method:
    module = open_method(name)
    mixed = (f"posteriors.share={share}", "posteriors.temperature=2", "posteriors.strength=3")
    chosen = override(module.PRESETS["default"], [*CHANGES[name], *mixed, *changes])
    folder = RunFolder(path)
    encoders = EncoderRecords(EncoderRecord("given", None), EncoderRecord("given", None), ())
    record = DataRecord("random", "random", None, "", "")
    folder.begin(RunConfig(name, "default", asdict(chosen), record, encoders, 0, {}))
    return Training(name, chosen, features, ("a", "b", "c")).learn(TrainingRun(folder), Even())


def cosines(images: torch.Tensor, texts: torch.Tensor) -> np.ndarray:
    unit = torch.nn.functional.normalize
    return (unit(images, dim=1) @ unit(texts, dim=1).T).detach().numpy()


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_similarity_is_the_methods_own_and_the_cosine_of_posteriors_by_their_shares(
    name: str, tmp_path: Path
) -> None:
    features, other = random_features(40), random_features(9, seed=1)
    plain = embed_pairs(trained(tmp_path / "plain", name, 0.0, features), other)
    model = trained(tmp_path / "mixed", name, 0.3, features)
    assert isinstance(model, WithPosteriors)
    for space, mixed in embed_pairs(model, other).items():
        sides = []
        for modality, encoded, vectors in (
            ("image", other.images, plain[space].images),
            ("text", other.texts, plain[space].texts),
        ):
            if name == "mcsm":
                logits = model.method.logits(space, torch.from_numpy(vectors))
            else:
                scaled = model.method.inputs(modality, torch.from_numpy(encoded.whole))
                logits = model.classifiers[modality](scaled)
            sides.append((logits / 2).softmax(1))
        expected = 0.7 * plain[space].similarity() + 0.3 * cosines(*sides)
        np.testing.assert_allclose(mixed.similarity(), expected, atol=1e-5)


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_saved_mixture_embeds_as_before_and_can_be_traced(name: str, tmp_path: Path) -> None:
    features, other = random_features(40), random_features(7, seed=1)
    model, again = trained(tmp_path, name, 0.5, features), load_model(RunFolder(tmp_path))
    assert isinstance(again, TraceableMethod)
    assert RunFolder(tmp_path).posteriors_file.exists() is (name != "mcsm")
    for space, placed in embed_pairs(model, other).items():
        assert placed.images.shape[1] == again.space_widths[space]
        assert np.array_equal(embed_pairs(again, other)[space].images, placed.images)
        assert np.array_equal(embed_pairs(again, other)[space].texts, placed.texts)
    assert isinstance(again, SpanningMethod)
    assert len(again.span("image")) == {"cca": 1, "dcca": 0, "mcsm": 2}[name]


def test_the_regressions_of_a_method_that_names_nothing_are_those_of_semantic_matching(tmp_path: Path) -> None:
    features = random_features(40)
    module = open_method("semantic-matching")
    chosen = override(module.PRESETS["default"], ["image_strength=3", "text_strength=3"])
    solved = module.Model.fitted(chosen, features)
    model = trained(tmp_path, "cca", 0.5, features)
    assert isinstance(model, WithPosteriors)
    for modality in ("image", "text"):
        weights = model.classifiers[modality].weight.T
        torch.testing.assert_close(weights, getattr(solved, f"{modality}_basis"), atol=1e-4, rtol=1e-3)


def test_a_share_without_categories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"posteriors\.share learns from categories, and these pairs have none"):
        trained(tmp_path, "cca", 0.5, random_features(40, classes=0))


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"share": -0.1}, r"posteriors\.share must lie between 0 and 1; got -0\.1"),
        ({"share": 1.5}, r"posteriors\.share must lie between 0 and 1; got 1\.5"),
        ({"temperature": 0.0}, r"posteriors\.temperature must be above 0; got 0\.0"),
        ({"strength": 0.0}, r"posteriors\.strength must be above 0; got 0\.0"),
    ],
)
def test_an_impossible_share_temperature_or_strength_is_refused(settings: dict[str, float], problem: str) -> None:
    with pytest.raises(BadSetting, match=problem):
        PosteriorsConfig(**settings)


def test_a_run_from_before_is_read_with_its_share_under_the_present_name(tmp_path: Path) -> None:
    features, other = random_features(40), random_features(7, seed=1)
    model, folder = trained(tmp_path, "mcsm", 0.3, features), RunFolder(tmp_path)
    config = folder.config()
    old = dict(config.settings) | {"class_share": 0.3, "class_temperature": 2.0}
    del old["posteriors"]
    assert renamed(old)["posteriors"] == {"share": 0.3, "temperature": 2.0}
    folder.config_file.unlink()
    folder.begin(replace(config, settings=old))
    for space, placed in embed_pairs(load_model(folder), other).items():
        assert np.array_equal(placed.texts, embed_pairs(model, other)[space].texts)
