"""JRL: its objective, its graphs with and without test items, and its two ways to score."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData
from diptych.maths.graphs import neighbour_laplacian
from diptych.methods.embeddings import embed_pairs
from diptych.methods.inputs import InputConfig
from diptych.methods.jrl import JRL, PRESETS, Config, Widths, solved
from diptych.methods.module import SideInformation

from .features import random_features

PLAIN = Config(image=InputConfig(centre=True), sparsity=2.0, neighbours=5, sweeps=1000)


def unlabelled(count: int = 15) -> SideInformation:
    return SideInformation(unlabelled=replace(random_features(count, seed=3), labels=None))


def literal_objective(
    config: Config, pairs: tuple[np.ndarray, np.ndarray], labels: np.ndarray, projections: list[np.ndarray]
) -> float:
    """Return the objective as the paper writes it, one term after another."""
    total = config.pairs * ((pairs[0] @ projections[0] - pairs[1] @ projections[1]) ** 2).sum()
    for rows, projection in zip(pairs, projections, strict=True):
        laplacian = neighbour_laplacian(rows, count=config.neighbours).toarray()
        total += config.smoothness * np.trace(projection.T @ rows.T @ laplacian @ rows @ projection)
        total += config.labels * ((rows @ projection - labels) ** 2).sum()
        total += config.sparsity * np.linalg.norm(projection, axis=1).sum()
    return float(total)


def test_the_projections_are_the_minimum_of_the_papers_objective() -> None:
    generator = np.random.default_rng(0)
    config = Config(smoothness=0.5, sparsity=1.0, labels=1.5, pairs=2.0, neighbours=4, sweeps=1000)
    labels = np.eye(2)[np.arange(30) % 2]
    pairs = tuple(labels @ generator.normal(size=(2, d)) + generator.normal(size=(30, d)) for d in (4, 3))

    def split(flat: np.ndarray) -> list[np.ndarray]:
        return [flat[:8].reshape(4, 2), flat[8:].reshape(3, 2)]

    best = minimize(
        lambda flat: literal_objective(config, pairs, labels, split(flat)),
        generator.normal(size=14),
        options={"gtol": 1e-6},
    )
    expected = np.concatenate(split(best.x))
    found = np.concatenate(solved(config, pairs, labels, pairs))
    np.testing.assert_allclose(found, expected / np.abs(expected).max(), atol=1e-3)


def test_without_a_smooth_graph_test_items_change_nothing() -> None:
    features = random_features(40)
    config = replace(PLAIN, smoothness=0.0)
    one, other = JRL.fitted(config, features), JRL.informed(replace(config, transductive=True), features, unlabelled())
    np.testing.assert_array_equal(one.image_basis, other.image_basis)


def test_a_transductive_graph_holds_the_test_items_and_the_model_says_so() -> None:
    features = random_features(40)
    inductive = JRL.informed(PLAIN, features, unlabelled())
    transductive = JRL.informed(replace(PLAIN, transductive=True), features, unlabelled())
    assert not np.allclose(inductive.image_basis, transductive.image_basis, atol=1e-4)
    assert inductive.notes == ()
    assert transductive.notes == ("transductive: learned from the test items' features (not their categories)",)


def test_an_inductive_model_does_not_look_at_the_test_items() -> None:
    features = random_features(40)
    one, other = JRL.fitted(PLAIN, features), JRL.informed(PLAIN, features, unlabelled())
    np.testing.assert_array_equal(one.image_basis, other.image_basis)


def test_votes_are_the_categories_of_the_nearest_training_items() -> None:
    train, test = random_features(30, texts=2), random_features(12, seed=1)
    labels = train.labels.copy()
    labels[4], labels[5] = [True, True, False], False
    train = replace(train, labels=labels)
    config = replace(PLAIN, scoring="votes", votes=7)
    placed = embed_pairs(JRL.fitted(config, train), test)["common"]
    plain = JRL.fitted(replace(config, scoring="cosine"), train)
    for modality, vectors in (("image", placed.images), ("text", placed.texts)):
        np.testing.assert_allclose(vectors, literal_votes(plain, train, test, modality, 7), atol=1e-5)
    assert not np.allclose(np.linalg.norm(placed.images, axis=1), 1)


def literal_votes(model: JRL, train: Features, test: Features, modality: str, votes: int) -> np.ndarray:
    """Return the shares of categories, one item and one voter after another."""

    def projected(some: Features, modality: str) -> np.ndarray:
        rows = model.inputs.scaled(modality, getattr(some, f"{modality}s"))
        return rows @ getattr(model, f"{modality}_basis").double().numpy()

    voters = [*projected(train, "image"), *projected(train, "text")]
    ballots = [*train.labels, *train.text_labels]
    shares = []
    for item in projected(test, modality):
        order = sorted(range(len(voters)), key=lambda k: np.linalg.norm(voters[k] - item))
        cast = [ballots[k] / max(ballots[k].sum(), 1) for k in order[:votes]]
        shares.append(np.mean(cast, axis=0))
    return np.array(shares)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_loaded_model_places_as_the_fitted_one(preset: str) -> None:
    features = random_features(30)
    model = JRL.informed(PRESETS[preset], features, unlabelled())
    again = JRL(PRESETS[preset], Widths.of(features))
    again.load_state_dict(model.state_dict())
    other = random_features(8, seed=1)
    np.testing.assert_array_equal(
        embed_pairs(again, other)["common"].images, embed_pairs(model, other)["common"].images
    )


def test_voters_are_kept_only_where_they_vote() -> None:
    features = random_features(30, texts=2)
    kept = [len(JRL(replace(PLAIN, scoring=scoring), Widths.of(features)).voters) for scoring in ("cosine", "votes")]
    assert kept == [0, 90]


@pytest.mark.parametrize("scoring", ["cosine", "votes"])
def test_it_tells_categories_apart(scoring: str) -> None:
    train, test = random_features(90), random_features(60, seed=1)
    placed = embed_pairs(JRL.fitted(replace(PLAIN, scoring=scoring, votes=20), train), test)["common"]
    best = placed.similarity().argmax(1)
    assert (test.labels @ test.labels.T)[np.arange(60), best].mean() > 0.8


def test_the_papers_weights_still_leave_places_of_unit_length() -> None:
    features = random_features(30)
    placed = embed_pairs(JRL.fitted(replace(PRESETS["paper"], scoring="cosine"), features), features)["common"]
    np.testing.assert_allclose(np.linalg.norm(placed.images, axis=1), 1, atol=1e-5)


def test_the_graph_holds_a_picture_of_several_texts_once() -> None:
    features = random_features(20, texts=3)
    model = JRL(PLAIN, Widths.of(features))
    images, texts = model._graphed(features, None)
    assert (len(images), len(texts)) == (20, 60)
    assert len(model.fit_inputs(features)[0]) == 60


def test_a_transductive_model_without_test_items_is_refused() -> None:
    with pytest.raises(MissingData, match="a transductive JRL also learns from the features of the test items"):
        JRL.fitted(PRESETS["transductive"], random_features())


@pytest.mark.parametrize("setting", ["sparsity", "labels", "neighbours", "sweeps", "votes"])
def test_settings_that_must_be_positive_are_refused_at_zero(setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"{setting} must be above 0; got 0.*\. Set it with --set {setting}="):
        Config(**{setting: type(getattr(Config(), setting))(0)})


@pytest.mark.parametrize("setting", ["smoothness", "pairs"])
def test_negative_weights_are_refused(setting: str) -> None:
    with pytest.raises(BadSetting, match=rf"{setting} must not be negative; got -1\.0\. 0 turns it off"):
        Config(**{setting: -1.0})


def test_pairs_without_categories_are_refused() -> None:
    with pytest.raises(MissingData, match="JRL learns from categories, and these pairs have none"):
        JRL.fitted(Config(), random_features(classes=0))
