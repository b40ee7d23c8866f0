"""Deep-SM: its loss, its posteriors, how they are compared, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod
from diptych.methods.deep_sm import PRESETS, Config, DeepSM
from diptych.methods.embeddings import embed_pairs
from diptych.settings import override
from diptych.training.loop import build_optimiser, step
from diptych.training.objective import objective

from .features import random_features

SMALL = ["image_tower.hidden=[16]", "text_tower.hidden=[16]"]


def fitted(features: Features, *changes: str) -> DeepSM:
    torch.manual_seed(0)
    return DeepSM.fitted(override(PRESETS["default"], [*SMALL, *changes]), features)


def trained(model: DeepSM, features: Features, steps: int) -> list[dict[str, float]]:
    """Take steps over all texts at once and return the losses of each."""
    optimiser, generator = build_optimiser(model, model.config.training), torch.Generator().manual_seed(0)
    batch = Batch.of(features, range(len(features.texts)))
    model.train()
    return [step(model, optimiser, batch, generator, model.config.training) for _ in range(steps)]


def logits_of(model: DeepSM, modality: str, whole: np.ndarray) -> torch.Tensor:
    return model.towers[modality](model.inputs(modality, torch.from_numpy(whole)))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_each_modality_is_trained_by_the_cross_entropy_of_its_posteriors(smoothing: float) -> None:
    features = random_features(texts=2)
    model = fitted(features, f"smoothing={smoothing}").eval()
    assert isinstance(model, GradientMethod)
    found = objective(model, Batch.of(features, range(24)), torch.Generator())
    assert list(found) == ["image classification", "text classification"]
    for modality, whole, labels in (
        ("image", features.images.whole[features.owner], features.text_labels),
        ("text", features.texts.whole, features.text_labels),
    ):
        targets = torch.from_numpy(labels.argmax(1))
        expected = cross_entropy(logits_of(model, modality, whole), targets, label_smoothing=smoothing)
        torch.testing.assert_close(found[f"{modality} classification"], expected)


def test_several_categories_share_the_target_evenly() -> None:
    features = random_features()
    labels = features.labels.copy()
    labels[0] = [True, True, False]
    features = replace(features, labels=labels)
    model = fitted(features).eval()
    logged = logits_of(model, "text", features.texts.whole[:1]).log_softmax(1)[0]
    found = objective(model, Batch.of(features, [0]), torch.Generator())["text classification"]
    torch.testing.assert_close(found, -(logged[0] + logged[1]) / 2)


def test_items_are_placed_at_their_posteriors_and_compared_by_inner_products() -> None:
    features = random_features(6, texts=2)
    model = fitted(features)
    placed = embed_pairs(model, features)["common"]
    assert placed.images.shape == (6, 3)
    assert placed.texts.shape == (12, 3)
    with torch.no_grad():
        expected = logits_of(model, "image", features.images.whole).softmax(1).numpy()
    np.testing.assert_allclose(placed.images, expected, atol=1e-6)
    np.testing.assert_allclose(placed.texts.sum(1), 1.0, atol=1e-6)


def test_the_cosine_is_the_inner_product_of_posteriors_of_unit_length() -> None:
    features = random_features(6)
    plain = embed_pairs(fitted(features), features)["common"]
    cosine = embed_pairs(fitted(features, "similarity=cosine"), features)["common"]
    lengths = np.outer(np.linalg.norm(plain.images, axis=1), np.linalg.norm(plain.texts, axis=1))
    np.testing.assert_allclose(cosine.similarity(), plain.similarity() / lengths, atol=1e-6)


def test_which_text_belongs_to_which_picture_does_not_matter_within_a_category() -> None:
    features = random_features()
    rotated = np.concatenate([np.arange(3, 12), np.arange(3)])
    swapped = replace(features, texts=features.texts.take(rotated))
    model = fitted(features).eval()
    rows, generator = range(12), torch.Generator()
    for name, value in objective(model, Batch.of(features, rows), generator).items():
        torch.testing.assert_close(objective(model, Batch.of(swapped, rows), generator)[name], value)


def test_it_learns_to_tell_categories_apart() -> None:
    train, test = random_features(60, classes=2), random_features(40, classes=2, seed=1)
    still = [f"{modality}_tower.{kind}=0" for modality in ("image", "text") for kind in ("dropout", "input_dropout")]
    model = fitted(train, "training.learning_rate=0.01", *still)
    losses = trained(model, train, 40)
    assert sum(losses[-1].values()) < sum(losses[0].values()) / 2
    same = test.labels @ test.labels.T
    best = embed_pairs(model, test)["common"].similarity().argmax(1)
    assert same[np.arange(40), best].mean() > 0.85


def test_without_categories_it_says_what_it_learns_from() -> None:
    with pytest.raises(MissingData, match="Deep-SM learns from categories, and these pairs have none"):
        fitted(random_features(classes=0))
    model, unlabelled = fitted(random_features()), random_features(classes=0)
    with pytest.raises(MissingData, match="Deep-SM learns from categories, and this batch has none"):
        objective(model, Batch.of(unlabelled, [0, 1]), torch.Generator())


def test_a_smoothing_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"smoothing must lie between 0 and 1; got 1\.5"):
        Config(smoothing=1.5)
