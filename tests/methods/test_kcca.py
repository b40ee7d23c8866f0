"""KCCA: its literal problem, CCA as its linear case, and landmarks in place of all training items."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import block_diag, eigh
from sklearn.preprocessing import KernelCenterer

from diptych.errors import BadSetting
from diptych.maths.kernels import Kernel, KernelName
from diptych.methods.cca import CCA
from diptych.methods.cca import Config as CCAConfig
from diptych.methods.embeddings import embed_pairs
from diptych.methods.inputs import InputConfig
from diptych.methods.kcca import KCCA, PRESETS, Config, Widths

from .features import IMAGE, TEXT, random_features

PLAIN = InputConfig(centre=True)
EACH = InputConfig(centre=True, each=True)


def config(**changes: Any) -> Config:
    return replace(PRESETS["default"], image=PLAIN, text=PLAIN, **changes)


@pytest.mark.parametrize("name", ["linear", "polynomial", "rbf"])
def test_it_solves_the_literal_generalised_problem(name: KernelName) -> None:
    features, kernel = random_features(25), Kernel(name)
    model = KCCA.fitted(config(kernel=name, kappa=0.8, weighting=1.0, dimensions=3), features)
    sides = {"image": features.images, "text": features.texts}
    rows = [torch.from_numpy(model.inputs.scaled(modality, encoded)) for modality, encoded in sides.items()]
    x, y = (KernelCenterer().fit_transform(kernel.between(r, r, scale=kernel.scale(r)).numpy()) for r in rows)
    within = block_diag(*(gram @ gram + 0.8 * np.trace(gram) / 25 * gram + 1e-9 * np.eye(25) for gram in (x, y)))
    values, vectors = eigh(np.block([[np.zeros((25, 25)), x @ y], [y @ x, np.zeros((25, 25))]]), within)
    for modality, items, gram, coefficients in zip(sides, rows, (x, y), np.split(vectors, 2), strict=True):
        # theirs share one unit of length between both sides, ours are n long on each and weighted by the correlation
        theirs = gram @ coefficients[:, :-4:-1] * np.sqrt(2 * 25) * values[:-4:-1]
        ours = model.sides[modality](items).numpy()
        np.testing.assert_allclose(ours * np.sign((ours * theirs).sum(0)), theirs, atol=1e-4)


@pytest.mark.parametrize("weighting", [0.0, 2.0])
@pytest.mark.parametrize("count", [60, 5])
def test_with_the_linear_kernel_it_is_cca(count: int, weighting: float) -> None:
    features, others = random_features(count), random_features(9, seed=1)
    # one ridge for both modalities is one kappa for each, so both must be as wide
    narrow = features.images.whole[:, :TEXT].copy(), others.images.whole[:, :TEXT].copy()
    features, others = (
        replace(some, images=replace(some.images, whole=whole))
        for some, whole in zip((features, others), narrow, strict=True)
    )
    shared: dict[str, Any] = {"dimensions": 3, "weighting": weighting, "image": EACH, "text": EACH}
    linear = CCA.fitted(CCAConfig(ridge=0.5, **shared), features)
    kernel = KCCA.fitted(Config(kernel="linear", kappa=0.5 * count / TEXT, **shared), features)
    for items in (features, others):
        expected, found = (embed_pairs(model, items)["common"].similarity() for model in (linear, kernel))
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_as_many_landmarks_as_pairs_are_exact() -> None:
    features, others = random_features(40), random_features(9, seed=1)
    exact = KCCA.fitted(config(), features)
    spanned = KCCA.fitted(config(exact_up_to=10, landmarks=100), features)
    np.testing.assert_allclose(
        embed_pairs(spanned, others)["common"].similarity(),
        embed_pairs(exact, others)["common"].similarity(),
        atol=1e-5,
    )


def test_half_the_pairs_as_landmarks_come_near_to_all() -> None:
    features, others = random_features(200), random_features(20, seed=1)
    exact = KCCA.fitted(config(dimensions=2), features)
    few = KCCA.fitted(config(dimensions=2, exact_up_to=100, landmarks=100), features)
    assert few.sides["image"].anchors.shape == (100, IMAGE)
    one, other = (embed_pairs(model, others)["common"].similarity().ravel() for model in (exact, few))
    assert np.corrcoef(one, other)[0, 1] > 0.97


def test_a_model_is_built_for_as_many_anchors_as_it_keeps() -> None:
    widths = Widths(image=IMAGE, text=TEXT, classes=0, pairs=30)
    for exact_up_to, count in ((30, 30), (29, 7)):
        side = KCCA(config(exact_up_to=exact_up_to, landmarks=7, dimensions=50), widths).sides["text"]
        assert side.anchors.shape == (count, TEXT)
        assert side.coefficients.shape == (count, count)


def test_identical_views_are_placed_at_the_same_point() -> None:
    features = random_features(30)
    twins = replace(features, texts=features.images)
    placed = embed_pairs(KCCA.fitted(config(), twins), twins)["common"]
    np.testing.assert_allclose(placed.images, placed.texts, atol=1e-5)


def test_a_kernel_finds_what_no_line_can() -> None:
    generator = np.random.default_rng(0)
    turn = generator.uniform(0, 2 * np.pi, 200)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    twice = np.stack([np.cos(2 * turn), np.sin(2 * turn)], axis=1)
    features = random_features(200)
    features = replace(
        features,
        images=replace(features.images, whole=circle.astype(np.float32)),
        texts=replace(features.texts, whole=twice.astype(np.float32)),
    )

    def own_rank(kernel: KernelName) -> float:
        placed = embed_pairs(KCCA.fitted(config(kernel=kernel, kappa=0.1, dimensions=2), features), features)["common"]
        similarity = placed.similarity()
        return float((similarity > similarity.diagonal()[:, None]).mean())

    assert own_rank("rbf") < 0.05 < 0.2 < own_rank("linear")


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"degree": 0}, r"degree must be 1 or more; got 0\."),
        ({"dimensions": 0}, r"dimensions must be 1 or more; got 0\."),
        ({"landmarks": 0}, r"landmarks must be 1 or more; got 0\."),
        ({"bandwidth": 0.0}, r"bandwidth must be above 0; got 0\.0\. 1 is the median distance\."),
        ({"kappa": -1.0}, r"kappa must not be negative; got -1\.0\. 0 turns it off\."),
        ({"weighting": -1.0}, r"weighting must not be negative; got -1\.0\. 0 turns it off\."),
        ({"exact_up_to": -1}, r"exact_up_to must not be negative; got -1\. 0 turns it off\."),
    ],
)
def test_impossible_settings_are_refused(setting: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        Config(**setting)
