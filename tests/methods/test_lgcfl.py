"""LGCFL: ridge regression in the limit, sparse by groups, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from diptych.errors import BadSetting, MissingData
from diptych.methods.embeddings import embed_pairs
from diptych.methods.inputs import InputConfig
from diptych.methods.lgcfl import LGCFL, PRESETS, Config, regression

from .features import random_features


def proportional(found: np.ndarray, expected: np.ndarray) -> bool:
    return np.allclose(found, expected / np.abs(expected).max(), atol=1e-5)


def test_without_the_penalty_it_is_ridge_regression_to_the_categories() -> None:
    features = random_features(60)
    model = LGCFL.fitted(Config(penalty=0.0, ridge=3.0), features)
    for modality, encoded in (("image", features.images), ("text", features.texts)):
        rows = model.inputs.scaled(modality, encoded)
        expected = Ridge(alpha=3.0).fit(rows, features.labels.astype(float)).coef_.T
        assert proportional(getattr(model, f"{modality}_basis").numpy(), expected)


def test_a_vanishing_penalty_tends_to_ridge_regression() -> None:
    features = random_features(60)
    with_penalty, without = (LGCFL.fitted(Config(penalty=p, ridge=3.0), features) for p in (1e-7, 0.0))
    np.testing.assert_allclose(with_penalty.image_basis, without.image_basis, atol=1e-6)


def test_a_strong_penalty_takes_whole_groups_out_together() -> None:
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(200, 9))
    labels = np.column_stack([rows[:, 0] > 0, rows[:, 0] <= 0])
    lengths = np.linalg.norm(regression(rows, labels, Config(penalty=60.0, ridge=1.0, group=3, sweeps=50)), axis=1)
    assert (lengths[:3] > 1e-3).all()
    assert (lengths[3:] < 1e-3).all()


def test_even_an_absurd_penalty_leaves_places_of_unit_length() -> None:
    features = random_features(30)
    placed = embed_pairs(LGCFL.fitted(Config(penalty=1e6, sweeps=30), features), features)["common"]
    np.testing.assert_allclose(np.linalg.norm(placed.images, axis=1), 1, atol=1e-5)


def test_no_pairs_are_needed() -> None:
    features = random_features(40)
    order = np.random.default_rng(0).permutation(40)
    shuffled = replace(features, texts=features.texts.take(order), owner=order)
    one, other = (LGCFL.fitted(PRESETS["default"], some) for some in (features, shuffled))
    np.testing.assert_allclose(one.image_basis, other.image_basis, atol=1e-6)
    np.testing.assert_allclose(one.text_basis, other.text_basis, atol=1e-6)


def test_items_of_several_categories_and_of_none_are_learnt_from() -> None:
    features = random_features(40, texts=2)
    labels = features.labels.copy()
    labels[0], labels[1] = True, False
    features = replace(features, labels=labels)
    placed = embed_pairs(LGCFL.fitted(PRESETS["default"], features), features)["common"]
    assert placed.similarity().shape == (40, 80)
    assert np.isfinite(placed.similarity()).all()


def test_it_tells_categories_apart() -> None:
    train, test = random_features(90), random_features(60, seed=1)
    ridge = InputConfig(centre=True)
    model = LGCFL.fitted(replace(PRESETS["default"], image=ridge, ridge=1.0, penalty=1.0), train)
    best = embed_pairs(model, test)["common"].similarity().argmax(1)
    assert (test.labels @ test.labels.T)[np.arange(60), best].mean() > 0.8


@pytest.mark.parametrize("setting", ["ridge", "group", "sweeps"])
def test_settings_that_must_be_positive_are_refused_at_zero(setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"{setting} must be above 0; got 0.*\. Set it with --set {setting}="):
        Config(**{setting: type(getattr(Config(), setting))(0)})


def test_a_negative_penalty_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"penalty must not be negative; got -1\.0"):
        Config(penalty=-1.0)


def test_pairs_without_categories_are_refused() -> None:
    with pytest.raises(MissingData, match="LGCFL learns from categories, and these pairs have none"):
        LGCFL.fitted(Config(), random_features(classes=0))
