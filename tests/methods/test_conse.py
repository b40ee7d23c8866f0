"""ConSE: the mean of names by their probabilities, against a literal twin and known answers."""

from dataclasses import replace

import numpy as np
import pytest

from diptych.data.concepts import Concepts
from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting, MissingData, ShapeMismatch, UnknownName
from diptych.methods.conse import PRESETS, Config, Conse
from diptych.methods.embeddings import embed_pairs
from diptych.methods.module import SideInformation
from diptych.settings import override

from .features import IMAGE, TEXT, random_features

NAMES = ("cat", "dog", "bus", "car", "cup", "hat")


def concepts(seed: int = 0) -> Concepts:
    draw = np.random.default_rng(seed).standard_normal
    weight, bias, vectors = (draw(shape).astype(np.float32) for shape in ((IMAGE, 6), (6,), (6, TEXT)))
    return Concepts(NAMES, weight, bias, vectors)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def literal(config: Config, known: Concepts, features: Features) -> np.ndarray:
    """Return the similarities as the paper's equation says, picture by picture."""
    names, texts = unit(known.vectors), unit(features.texts.whole)
    mean = names.mean(0) if config.centre else np.zeros(TEXT)
    rows = []
    for picture in features.images.whole:
        scores = (picture @ known.weight + known.bias) / config.temperature
        posterior = np.exp(scores) / np.exp(scores).sum()
        likeliest = np.argsort(-posterior)[: config.top]
        placed = sum(posterior[k] * (names[k] - mean) for k in likeliest) / posterior[likeliest].sum()
        rows.append(placed)
    return unit(np.array(rows)) @ unit(texts - mean).T


@pytest.mark.parametrize(
    "config",
    [*PRESETS.values(), Config(top=2), Config(top=1, centre=False), Config(top=3, temperature=2.5)],
    ids=str,
)
def test_similarities_are_those_of_the_papers_equation(config: Config) -> None:
    features = random_features(8)
    model = Conse.informed(config, features, SideInformation(concepts()))
    similarity = embed_pairs(model, features)["common"].similarity()
    np.testing.assert_allclose(similarity, literal(config, concepts(), features), atol=1e-5)


def test_a_picture_that_is_surely_one_class_lies_on_the_name_of_that_class() -> None:
    known = replace(concepts(), weight=np.eye(IMAGE, 6, dtype=np.float32) * 1000, bias=np.zeros(6, dtype=np.float32))
    images = Encoded(np.eye(6, IMAGE, dtype=np.float32))
    features = Features(images, Encoded(known.vectors * 3), np.arange(6), None, NAMES)
    similarity = embed_pairs(Conse.of(Config(), known), features)["common"].similarity()
    np.testing.assert_allclose(similarity.diagonal(), 1, atol=1e-5)
    assert (similarity.argmax(1) == np.arange(6)).all()


def test_one_class_gives_the_same_whatever_the_temperature() -> None:
    features = random_features(8)
    hot, cold = (
        embed_pairs(Conse.of(Config(top=1, temperature=t), concepts()), features)["common"] for t in (9.0, 0.1)
    )
    np.testing.assert_array_equal(hot.images, cold.images)


def test_a_model_needs_no_features_and_places_as_the_fitted_one_does() -> None:
    features = random_features(8)
    alone = embed_pairs(Conse.of(Config(), concepts()), features)["common"]
    fitted = embed_pairs(Conse.informed(Config(), features, SideInformation(concepts())), features)["common"]
    np.testing.assert_array_equal(alone.images, fitted.images)
    np.testing.assert_array_equal(alone.texts, fitted.texts)


def test_a_name_without_a_vector_says_nothing() -> None:
    known = concepts()
    known.vectors[2] = 0
    placed = embed_pairs(Conse.of(Config(centre=False), known), random_features(8))["common"]
    assert np.isfinite(placed.similarity()).all()


def test_without_concepts_it_says_what_it_goes_by() -> None:
    with pytest.raises(MissingData, match="ConSE needs the named classes of an image network and got none"):
        Conse.fitted(Config(), random_features())


def test_concepts_of_other_encoders_are_refused() -> None:
    other = replace(concepts(), weight=np.zeros((IMAGE + 1, 6), dtype=np.float32))
    with pytest.raises(ShapeMismatch, match=f"whole vectors of images must have {IMAGE + 1} dimensions for this model"):
        Conse.informed(Config(), random_features(), SideInformation(other))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"top must be 1 or more; got 0\."):
        Config(top=0)
    with pytest.raises(BadSetting, match=r"temperature must be above 0; got 0\.0\."):
        Config(temperature=0.0)


def test_features_cannot_be_scaled() -> None:
    with pytest.raises(UnknownName, match="settings has no entry 'image'"):
        override(Config(), ["image.power=0.5"])
