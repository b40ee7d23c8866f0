"""CCA: its constraint, its known answers, and its figure on Wikipedia's own features."""

from pathlib import Path

import numpy as np
import pytest

from diptych.data.features import Encoded, Features
from diptych.data.sources import open_data
from diptych.encoders.encoding import encode_dataset
from diptych.encoders.given import Given
from diptych.errors import BadSetting
from diptych.evaluation import evaluate, open_rule
from diptych.measures.ranking import mean_over_judged
from diptych.methods.cca import CCA, PRESETS, Config
from diptych.methods.embeddings import embed_pairs
from diptych.methods.inputs import InputConfig

from .features import IMAGE, TEXT, random_features

Z_SCORES = InputConfig(centre=True, each=True)


def with_texts(features: Features, texts: np.ndarray) -> Features:
    return Features(features.images, Encoded(texts.astype(np.float32)), features.owner, features.labels, features.ids)


def test_directions_are_uncorrelated_and_as_long_as_the_constraint_says() -> None:
    features = random_features(60)
    config = Config(ridge=0.5, weighting=0.0)
    model = CCA.fitted(config, features)
    for modality, encoded in (("image", features.images), ("text", features.texts)):
        rows, basis = model.inputs.scaled(modality, encoded), getattr(model, f"{modality}_basis").double().numpy()
        metric = rows.T @ rows / len(rows) + 0.5 * np.square(rows).mean() * np.eye(rows.shape[1])
        np.testing.assert_allclose(basis.T @ metric @ basis, np.eye(TEXT), atol=1e-5)


def test_identical_views_are_placed_at_the_same_point_in_any_linear_disguise() -> None:
    features = random_features(60)
    disguise = np.random.default_rng(1).standard_normal((IMAGE, IMAGE))
    plain = InputConfig(centre=True)
    model = CCA.fitted(
        Config(ridge=0.0, image=plain, text=plain), twins := with_texts(features, features.images.whole @ disguise)
    )
    placed = embed_pairs(model, twins)["common"]
    np.testing.assert_allclose(placed.images, placed.texts, atol=1e-3)


def test_dimensions_are_cut_to_what_either_modality_has() -> None:
    model = CCA.fitted(Config(dimensions=50), random_features(30))
    assert model.image_basis.shape == (IMAGE, TEXT)
    assert model.text_basis.shape == (TEXT, TEXT)


def test_directions_that_do_not_exist_stay_zero() -> None:
    features = random_features(30)
    flat = with_texts(features, features.texts.whole[:, :2] @ np.ones((2, TEXT)))
    model = CCA.fitted(Config(weighting=0.0), flat)
    assert (model.text_basis[:, 0] != 0).all()
    assert (model.text_basis[:, 1:] == 0).all()


def test_weighting_changes_lengths_alone() -> None:
    features = random_features(60)
    plain, weighted = (CCA.fitted(Config(weighting=power), features) for power in (0.0, 1.0))
    factors = weighted.image_basis / plain.image_basis
    np.testing.assert_allclose(factors, factors[:1].expand(IMAGE, -1), rtol=1e-3)
    assert (factors[0].diff() < 0).all()
    assert 0 < factors.min() < factors.max() < 1


def test_a_picture_with_several_texts_counts_once_for_each() -> None:
    features = random_features(12, texts=2)
    repeated = Features(
        features.images.take(features.owner), features.texts, np.arange(24), None, tuple(map(str, range(24)))
    )
    plain = InputConfig(centre=True)
    config = Config(weighting=0.0, image=plain, text=plain)
    several, alone = CCA.fitted(config, features), CCA.fitted(config, repeated)
    np.testing.assert_allclose(several.image_basis.abs(), alone.image_basis.abs(), atol=1e-4)
    np.testing.assert_allclose(several.text_basis.abs(), alone.text_basis.abs(), atol=1e-4)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"dimensions": 0}, r"dimensions must be 1 or more; got 0\."),
        ({"ridge": -1.0}, r"ridge must not be negative; got -1\.0\. 0 turns it off\."),
        ({"weighting": -0.5}, r"weighting must not be negative; got -0\.5\. 0 turns it off\."),
    ],
)
def test_impossible_settings_are_refused(setting: dict[str, float], sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        Config(**setting)


def test_the_unweighted_preset_is_canonical_correlation_analysis_as_published() -> None:
    assert PRESETS["unweighted"].weighting == 0


@pytest.mark.data
def test_wikipedia_has_the_known_figures(data_root: Path) -> None:
    dataset = open_data("wikipedia", root=data_root)
    train, test = (encode_dataset(dataset, dataset.split(name), Given(), Given()) for name in ("train", "test"))
    config = Config(dimensions=8, ridge=1e-4, weighting=0.0, image=Z_SCORES, text=Z_SCORES)
    placed = embed_pairs(CCA.fitted(config, train), test)
    evaluation = evaluate(placed, test, open_rule("product"), header={})
    found = [mean_over_judged(scores.ap) for scores in evaluation.scores["common"].values()]
    np.testing.assert_allclose([*found, evaluation.average_map()], [0.2486, 0.2051, 0.2269], atol=5e-5)
