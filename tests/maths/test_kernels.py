"""Kernels and the spans of anchors against scikit-learn and literal definitions."""

import numpy as np
import pytest
import torch
from sklearn.kernel_approximation import Nystroem
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from sklearn.preprocessing import KernelCenterer

from diptych.maths import kernels
from diptych.maths.kernels import Kernel, KernelName, landmarks, median_distance, spanned


def rows(count: int = 30, width: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((count, width)))


def gram(name: KernelName, items: torch.Tensor, anchors: torch.Tensor) -> np.ndarray:
    kernel = Kernel(name)
    return kernel.between(items, anchors, scale=kernel.scale(items)).numpy()


def test_kernels_are_those_of_scikit_learn() -> None:
    items, anchors, scale = rows(), rows(5, seed=1), 3.0
    x, a = items.numpy(), anchors.numpy()
    between = {
        name: Kernel(name, degree=2).between(items, anchors, scale=scale) for name in ("linear", "polynomial", "rbf")
    }
    np.testing.assert_allclose(between["linear"], x @ a.T / scale, atol=1e-12)
    np.testing.assert_allclose(between["polynomial"], polynomial_kernel(x, a, degree=2, gamma=1 / scale), atol=1e-12)
    np.testing.assert_allclose(between["rbf"], rbf_kernel(x, a, gamma=1 / scale), atol=1e-12)


def test_an_item_is_its_own_nearest_by_the_rbf_kernel() -> None:
    items = rows() * 1e4
    kernel = Kernel("rbf").between(items, items, scale=1.0)
    np.testing.assert_allclose(kernel.diagonal(), 1, atol=1e-6)
    assert kernel.max() <= 1


def test_the_scale_is_the_mean_squared_length_or_follows_the_median_distance() -> None:
    items = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    assert Kernel("linear").scale(items) == Kernel("polynomial").scale(items) == pytest.approx(10 / 3)
    assert Kernel("rbf").scale(items) == pytest.approx(2 * 2.0**2)
    assert Kernel("rbf").scale(items, bandwidth=0.5) == pytest.approx(2 * 1.0**2)


@pytest.mark.parametrize("name", ["linear", "polynomial", "rbf"])
def test_items_that_are_all_alike_have_the_scale_one(name: KernelName) -> None:
    assert Kernel(name).scale(torch.zeros(3, 2, dtype=torch.float64)) == 1.0


def test_the_median_distance_is_over_pairs_of_different_items() -> None:
    items = rows(9)
    pairs = [float((items[i] - items[j]).norm()) for i in range(9) for j in range(i)]
    assert median_distance(items) == pytest.approx(np.median(pairs))
    assert median_distance(items[:1]) == 0.0


def test_the_median_distance_of_many_items_is_taken_over_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = median_distance(rows(400))
    monkeypatch.setattr(kernels, "SAMPLE", 100)
    sampled = median_distance(rows(400))
    assert sampled != whole
    assert sampled == pytest.approx(whole, rel=0.1)


def test_landmarks_are_different_items_in_their_order_and_the_same_every_time() -> None:
    drawn = landmarks(50, size=10)
    assert len(set(drawn.tolist())) == 10
    assert (np.diff(drawn) > 0).all()
    np.testing.assert_array_equal(drawn, landmarks(50, size=10))
    np.testing.assert_array_equal(landmarks(5, size=10), np.arange(5))


@pytest.mark.parametrize("name", ["linear", "polynomial", "rbf"])
def test_a_spanned_direction_scores_items_as_the_doubly_centred_kernel_does(name: KernelName) -> None:
    items, others, coefficients = rows(), rows(6, seed=1), np.random.default_rng(2).standard_normal(30)
    kernel = Kernel(name)
    scale = kernel.scale(items)
    training, new = (kernel.between(some, items, scale=scale).numpy() for some in (items, others))
    found = spanned(training, training, regularisation=1.0)
    centrer = KernelCenterer().fit(training)
    balanced = coefficients - coefficients.mean()
    np.testing.assert_allclose(found.scores @ balanced, centrer.transform(training) @ coefficients, atol=1e-10)
    np.testing.assert_allclose((new - found.offset) @ balanced, centrer.transform(new) @ coefficients, atol=1e-10)


@pytest.mark.parametrize("name", ["linear", "polynomial", "rbf"])
def test_the_metric_is_variance_plus_length_with_the_mean_eigenvalue_of_the_centred_kernel(name: KernelName) -> None:
    training = gram(name, rows(), rows())
    centred = KernelCenterer().fit_transform(training)
    ridge = 0.7 * np.linalg.eigvalsh(centred).mean() / 30
    balanced = np.eye(30) - 1 / 30
    found = balanced @ spanned(training, training, regularisation=0.7).metric @ balanced
    np.testing.assert_allclose(found, centred @ centred / 30 + ridge * centred, atol=1e-10)


def test_few_anchors_are_the_nystroem_map_of_scikit_learn() -> None:
    items = rows()
    kernel = Kernel("rbf")
    scale = kernel.scale(items)
    chosen = landmarks(30, size=8)
    anchors = items[chosen]
    between, among = (kernel.between(some, anchors, scale=scale).numpy() for some in (items, anchors))
    found = spanned(between, among, regularisation=0.5)
    reference = Nystroem(gamma=1 / scale, n_components=8).fit(anchors.numpy())
    mapped = reference.transform(items.numpy())
    mapped = mapped - mapped.mean(0)
    ridge = 0.5 * (np.diag(among).mean() - among.mean()) / 30
    kept = mapped.T @ mapped / 30 + ridge * np.eye(8)
    # their order of the anchors is their own, and their map is K G^-1/2: compare what both make of the items
    theirs = mapped @ np.linalg.solve(kept, mapped.T)
    ours = found.scores @ np.linalg.solve(found.metric, found.scores.T)
    np.testing.assert_allclose(ours, theirs, atol=1e-8)
