"""Corr-AE: its three objectives against their definitions, and that it learns to match."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from diptych.data.features import Features
from diptych.errors import BadSetting, ShapeMismatch
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod
from diptych.methods.corr_ae import PRESETS, Config, CorrespondenceAutoencoders
from diptych.methods.embeddings import embed_pairs
from diptych.settings import override
from diptych.training.objective import objective

from .features import random_features
from .pairs import related_features, trained

SMALL = ("code=6", "layers.hidden=[16]", "layers.input_dropout=0", "training.schedule=constant")
VARIANTS = ("plain", "cross", "full")


def fitted(features: Features, preset: str = "default", *changes: str) -> CorrespondenceAutoencoders:
    torch.manual_seed(0)
    return CorrespondenceAutoencoders.fitted(override(PRESETS[preset], [*SMALL, *changes]), features)


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_objective_is_the_papers(variant: str) -> None:
    features = related_features(8)
    model = fitted(features, variant, "alpha=0.3").eval()
    losses = objective(model, Batch.of(features, range(8)), torch.Generator())
    x = model.inputs("image", torch.from_numpy(features.images.whole))
    y = model.inputs("text", torch.from_numpy(features.texts.whole))
    image, text = model.autoencoders.coder("image"), model.autoencoders.coder("text")
    f, g = image.encode(x), text.encode(y)
    errors = {
        "plain": lambda: [(image.decoders["image"](f) - x), (text.decoders["text"](g) - y)],
        "cross": lambda: [(image.decoders["text"](f) - y), (text.decoders["image"](g) - x)],
        "full": lambda: [
            *((image.decoders["image"](f) - x), (image.decoders["text"](f) - y)),
            *((text.decoders["image"](g) - x), (text.decoders["text"](g) - y)),
        ],
    }
    reconstruction = sum((error**2).mean() for error in errors[variant]())
    torch.testing.assert_close(losses["reconstruction"], 0.7 * reconstruction)
    torch.testing.assert_close(losses["tie"], 0.3 * ((f - g) ** 2).mean())
    assert set(losses) == {"reconstruction", "tie"}


def test_presets_of_the_three_variants_have_the_weight_of_the_paper() -> None:
    assert {(name, PRESETS[name].variant, PRESETS[name].alpha) for name in VARIANTS} == {
        (name, name, 0.2) for name in VARIANTS
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_reconstruction_and_tie_fall_in_training(variant: str) -> None:
    features = related_features(60)
    model = fitted(features, variant, "alpha=0.5", "training.learning_rate=0.01")
    losses = trained(model, features, model.config.training, steps=80)
    assert losses[-1]["reconstruction"] < 0.5 * losses[0]["reconstruction"]
    assert losses[-1]["tie"] < 0.5 * losses[0]["tie"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_linearly_related_pairs_it_has_not_seen_are_matched_far_better_than_by_chance(variant: str) -> None:
    train, test = related_features(200), related_features(40, seed=1)
    model = fitted(train, variant, "alpha=0.8", "training.learning_rate=0.01")
    before = np.median(partner_ranks_of(model, test))
    trained(model, train, model.config.training, steps=200)
    assert np.median(partner_ranks_of(model, test)) <= 3 < before


def partner_ranks_of(model: CorrespondenceAutoencoders, features: Features) -> np.ndarray:
    similarity = embed_pairs(model, features)["common"].similarity()
    return (similarity > np.diag(similarity)[:, None]).sum(1) + 1


def test_it_learns_from_pairs_alone_and_ignores_categories() -> None:
    labelled = random_features(12)
    pairs = replace(labelled, labels=None)
    models = [fitted(features) for features in (labelled, pairs)]
    for model, features in zip(models, (labelled, pairs), strict=True):
        assert isinstance(model, GradientMethod)
        trained(model, features, model.config.training, steps=3)
    one, two = (embed_pairs(model, pairs)["common"] for model in models)
    np.testing.assert_array_equal(one.images, two.images)
    np.testing.assert_array_equal(one.texts, two.texts)


def test_places_are_codes_of_unit_length() -> None:
    features = random_features(7)
    placed = embed_pairs(fitted(features), features)["common"]
    assert placed.images.shape == placed.texts.shape == (7, 6)
    np.testing.assert_allclose(np.linalg.norm(placed.texts, axis=1), 1, atol=1e-6)


def test_features_of_another_encoder_are_refused() -> None:
    model = fitted(random_features(6))
    with pytest.raises(ShapeMismatch, match="whole vectors of images must have 7 dimensions for this model; got 12"):
        embed_pairs(model, related_features(6))


@pytest.mark.parametrize("alpha", [-0.1, 1.0])
def test_a_weight_of_the_tie_that_leaves_nothing_to_learn_is_refused(alpha: float) -> None:
    with pytest.raises(BadSetting, match=r"alpha must be at least 0 and below 1; got .* At 1 nothing is reconstructed"):
        Config(alpha=alpha)


def test_a_code_of_no_numbers_is_refused() -> None:
    with pytest.raises(BadSetting, match="code must be at least 1; got 0"):
        Config(code=0)
