"""Semantic matching: two logistic regressions as scikit-learn has them, and three ways to compare posteriors."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from diptych.errors import BadSetting, MissingData
from diptych.methods.embeddings import embed_pairs
from diptych.methods.semantic_matching import PRESETS, Config, SemanticMatching, classifier

from .features import random_features

PLAIN = Config(similarity="inner-product", temperature=1.0, image_strength=5.0, text_strength=0.5)


def test_places_are_the_posteriors_of_scikit_learns_logistic_regressions() -> None:
    train, test = random_features(60), random_features(20, seed=1)
    model = SemanticMatching.fitted(PLAIN, train)
    placed = embed_pairs(model, test)["common"]
    kinds = train.labels.argmax(1)
    for modality, strength, vectors in (("image", 5.0, placed.images), ("text", 0.5, placed.texts)):
        rows, others = (model.inputs.scaled(modality, getattr(some, f"{modality}s")) for some in (train, test))
        size = np.sqrt((rows**2).sum(1).mean())
        theirs = LogisticRegression(C=strength, tol=1e-10, max_iter=10_000).fit(rows / size, kinds)
        np.testing.assert_allclose(vectors, theirs.predict_proba(others / size), atol=1e-5)


def test_weights_do_not_depend_on_the_size_of_the_features() -> None:
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(50, 4)), np.eye(2, dtype=bool)[generator.integers(0, 2, 50)]
    small, large = (classifier(size * rows, labels, strength=3.0) for size in (1.0, 100.0))
    np.testing.assert_allclose(small.weights, 100 * large.weights, atol=1e-9)


@pytest.mark.parametrize("similarity", ["inner-product", "cosine", "root"])
def test_similarities_are_those_of_the_posteriors(similarity: str) -> None:
    features = random_features(30)
    posteriors = embed_pairs(SemanticMatching.fitted(PLAIN, features), features)["common"]
    model = SemanticMatching.fitted(replace(PLAIN, similarity=similarity), features)
    images, texts = posteriors.images.astype(float), posteriors.texts.astype(float)
    lengths = np.outer(np.linalg.norm(images, axis=1), np.linalg.norm(texts, axis=1))
    expected = {
        "inner-product": images @ texts.T,
        "cosine": images @ texts.T / lengths,
        "root": np.sqrt(images) @ np.sqrt(texts).T,
    }
    np.testing.assert_allclose(embed_pairs(model, features)["common"].similarity(), expected[similarity], atol=1e-5)


def test_the_temperature_divides_the_scores() -> None:
    features = random_features(30)
    posteriors = embed_pairs(SemanticMatching.fitted(PLAIN, features), features)["common"].images
    sharper = embed_pairs(SemanticMatching.fitted(replace(PLAIN, temperature=0.25), features), features)[
        "common"
    ].images
    np.testing.assert_allclose(sharper, softmax(4 * np.log(posteriors), axis=1), atol=1e-4)


def test_items_without_a_category_change_nothing_and_several_share_the_target() -> None:
    generator = np.random.default_rng(0)
    rows, labels = generator.normal(size=(40, 3)), generator.random((40, 3)) < 0.5
    known = labels.any(1)
    assert not known.all()
    all_of_them, some = classifier(rows, labels, strength=2.0), classifier(rows[known], labels[known], strength=2.0)
    np.testing.assert_array_equal(all_of_them.weights, some.weights)
    posteriors = softmax(rows[known] @ some.weights + some.bias, axis=1)
    shares = labels[known] / labels[known].sum(1, keepdims=True)
    np.testing.assert_allclose(posteriors.mean(0), shares.mean(0), atol=1e-5)


def test_it_tells_categories_apart() -> None:
    train, test = random_features(90), random_features(60, seed=1)
    best = embed_pairs(SemanticMatching.fitted(PRESETS["default"], train), test)["common"].similarity().argmax(1)
    assert (test.labels @ test.labels.T)[np.arange(60), best].mean() > 0.8


@pytest.mark.parametrize("setting", ["image_strength", "text_strength", "temperature"])
def test_settings_that_must_be_positive_are_refused_at_zero(setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"{setting} must be above 0; got 0\.0\. Set it with --set {setting}="):
        Config(**{setting: 0.0})


def test_pairs_without_categories_are_refused() -> None:
    with pytest.raises(MissingData, match="semantic matching learns from categories, and these pairs have none"):
        SemanticMatching.fitted(Config(), random_features(classes=0))
