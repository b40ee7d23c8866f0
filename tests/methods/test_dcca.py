"""DCCA: linear towers attain classical CCA, the space is solved on all training pairs, small batches are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.cross_decomposition import CCA

from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting
from diptych.methods.batches import Batch
from diptych.methods.contract import RefittedMethod
from diptych.methods.dcca import DCCA, PRESETS, Config
from diptych.methods.embeddings import embed_pairs
from diptych.settings import override
from diptych.training.learning import Training
from diptych.training.loop import build_optimiser, step
from diptych.training.objective import objective
from diptych.training.run import TrainingRun
from diptych.training.run_folder import RunFolder

from .features import TEXT, random_features
from .judging import Even

SMALL = ["image_tower.hidden=[16]", "text_tower.hidden=[16]"]
LINEAR = [
    "image_tower.hidden=[]", "text_tower.hidden=[]", "ridge=0", "weighting=0", "image.power=1",
    "training.learning_rate=0.02", "training.weight_decay=0", "training.clip=0",
]  # fmt: skip


def fitted(features: Features, *changes: str) -> DCCA:
    torch.manual_seed(0)
    return DCCA.fitted(override(PRESETS["default"], [*SMALL, *changes]), features)


def trained(model: DCCA, features: Features, steps: int) -> list[float]:
    """Take steps over all texts at once and return the loss of each."""
    optimiser, generator = build_optimiser(model, model.config.training), torch.Generator().manual_seed(0)
    batch = Batch.of(features, range(len(features.texts)))
    model.train()
    return [step(model, optimiser, batch, generator, model.config.training)["correlation"] for _ in range(steps)]


def classical(features: Features, count: int) -> np.ndarray:
    """Return the canonical correlations of whole vectors by scikit-learn."""
    solver = CCA(n_components=count, scale=False, max_iter=10_000, tol=1e-12)
    x, y = solver.fit_transform(features.images.whole.astype(float), features.texts.whole.astype(float))
    return np.array([np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(count)])


@pytest.mark.parametrize("count", [2, TEXT])
def test_linear_towers_reach_the_sum_of_classical_correlations(count: int) -> None:
    features = random_features(60)
    model = fitted(features, *LINEAR, f"dimensions={count}")
    losses = trained(model, features, 400)
    expected = classical(features, count).sum()
    assert -losses[-1] == pytest.approx(expected, rel=1e-3)
    assert -losses[-1] <= expected + 1e-6
    assert losses[-1] <= losses[0]


def test_the_refitted_space_of_linear_towers_is_that_of_classical_cca() -> None:
    features = random_features(60)
    model = fitted(features, *LINEAR)
    model.refit(features)
    with torch.no_grad():
        images, texts = (
            model.vectors(m, model.inputs(m, torch.from_numpy(e.whole))).double().numpy()
            for m, e in (("image", features.images), ("text", features.texts))
        )
    np.testing.assert_allclose(images.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(texts.T @ texts / 60, np.eye(TEXT), atol=1e-4)
    correlations = np.diag(images.T @ texts / 60)
    # image towers of 4 outputs see 4 of 7 directions, drawn at random: no more than the classical sum, and ordered
    assert (np.diff(correlations) <= 1e-9).all()
    assert correlations.sum() <= classical(features, TEXT).sum() + 1e-6
    np.testing.assert_allclose(images.T @ texts / 60, np.diag(correlations), atol=1e-5)


def test_identical_views_correlate_in_every_dimension() -> None:
    texts = random_features(60).texts
    features = replace(random_features(60), images=texts)
    model = fitted(features, *LINEAR)
    assert trained(model, features, 1)[0] == pytest.approx(-TEXT, abs=1e-4)


def test_the_kept_directions_are_summed_and_compared() -> None:
    features = random_features(40)
    every, two = (fitted(features, *changes).eval() for changes in ((), ("kept=2",)))
    batch = Batch.of(features, range(40))
    losses = [float(objective(model, batch, torch.Generator())["correlation"].detach()) for model in (every, two)]
    assert -TEXT < losses[0] < losses[1] < 0
    for model in (every, two):
        model.refit(features)
    assert embed_pairs(every, features)["common"].images.shape == (40, TEXT)
    assert embed_pairs(two, features)["common"].images.shape == (40, 2)


def test_dimensions_are_cut_to_the_narrower_modality() -> None:
    assert fitted(random_features(), "dimensions=1000").dimensions == TEXT


def test_weighting_multiplies_each_direction_by_a_power_of_its_correlation() -> None:
    features = random_features(40)
    plain, weighted = (fitted(features, f"weighting={power}") for power in (0, 2))
    for model in (plain, weighted):
        model.refit(features)
    factors = weighted.image_basis.norm(dim=0) / plain.image_basis.norm(dim=0)
    torch.testing.assert_close(weighted.image_basis, plain.image_basis * factors)
    torch.testing.assert_close(weighted.text_basis, plain.text_basis * factors)
    assert (factors < 1).all()
    assert (factors.diff() < 0).all()


def test_settling_takes_a_picture_once_for_each_of_its_texts() -> None:
    features = random_features(12, texts=2)
    images = features.images.take(features.owner)
    alone = Features(images, features.texts, np.arange(24), None, tuple(f"q{k}" for k in range(24)))
    shared, repeated = fitted(features), fitted(features)
    shared.refit(features)
    repeated.refit(alone)
    torch.testing.assert_close(shared.text_basis, repeated.text_basis)
    torch.testing.assert_close(shared.image_mean, repeated.image_mean)


def test_training_ends_with_the_space_of_its_last_weights(tmp_path: Path) -> None:
    features, other = random_features(40), random_features(6, seed=1)
    config = override(PRESETS["default"], [*SMALL, "training.epochs=3", "training.batch=20", "training.keep=last"])
    training = Training("dcca", config, features, ("a", "b", "c"))
    model = training.learn(TrainingRun(RunFolder(tmp_path)), Even())
    assert isinstance(model, RefittedMethod)
    before = embed_pairs(model, other)["common"].similarity()
    model.refit(features)
    np.testing.assert_allclose(embed_pairs(model, other)["common"].similarity(), before, atol=1e-6)


def test_pairs_that_share_a_curve_are_found_by_networks_and_not_by_lines() -> None:
    hidden = np.random.default_rng(0).uniform(-1, 1, (400, 1)).astype(np.float32)
    images, texts = np.hstack([hidden, hidden**3]), np.hstack([hidden**2, hidden**4])
    features = Features(Encoded(images), Encoded(texts), np.arange(400), None, tuple(map(str, range(400))))
    changes = ("dimensions=1", "image.power=1", "image_tower.dropout=0", "text_tower.dropout=0")
    bent = fitted(features, *changes, "training.learning_rate=0.02")
    straight = fitted(features, *LINEAR, "dimensions=1")
    assert -trained(bent, features, 100)[-1] > 0.75
    assert -trained(straight, features, 100)[-1] < 0.3


def test_fewer_pairs_than_dimensions_are_refused() -> None:
    sentence = r"DCCA needs batches of at least 4 pairs, one for each of its dimensions; got 3\. Train on more pairs"
    with pytest.raises(BadSetting, match=sentence):
        fitted(random_features(3))
    with pytest.raises(BadSetting, match=sentence):
        fitted(random_features(), "training.batch=3")
    model = fitted(random_features())
    with pytest.raises(BadSetting, match=rf"{sentence}.*--set dimensions=1\)"):
        objective(model, Batch.of(random_features(), [0, 1, 2]), torch.Generator())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"dimensions": 0}, r"dimensions must be at least 1; got 0\."),
        ({"kept": -1}, r"kept must not be negative; got -1\. 0 keeps all dimensions"),
        ({"ridge": -0.1}, r"ridge must not be negative; got -0\.1\. 0 turns it off"),
        ({"weighting": -1.0}, r"weighting must not be negative; got -1\.0\. 0 turns it off"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, float], sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        Config(**changes)
