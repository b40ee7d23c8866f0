"""Clusters are those of the definition, and of scikit-learn."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from diptych.maths import clustering, linear_reduction
from diptych.maths.clustering import best_count, k_means, nearest_centres, silhouette
from diptych.maths.linear_reduction import principal_plane


def blobs(k: int, *, n: int = 240, width: int = 5, apart: float = 8.0, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    centres = draw.standard_normal((k, width)) * apart
    return (centres[np.arange(n) % k] + draw.standard_normal((n, width))).astype(np.float32)


@pytest.mark.parametrize("k", [2, 3, 7])
def test_clusters_that_lie_apart_are_found(k: int) -> None:
    found = k_means(blobs(k), k, draw=np.random.default_rng(0))
    truth = np.arange(240) % k
    assert np.array_equal(found.labels[:, None] == found.labels, truth[:, None] == truth)


@pytest.mark.parametrize("k", [2, 5, 11])
def test_the_loss_is_no_worse_than_that_of_scikit_learn(k: int) -> None:
    rows = blobs(4, apart=1.0)
    found = k_means(rows, k, draw=np.random.default_rng(0))
    other = KMeans(k, n_init=4, random_state=0).fit(rows)
    assert found.loss <= other.inertia_ * 1.03
    distances = ((rows[:, None].astype(np.float64) - found.centres) ** 2).sum(-1)
    assert np.array_equal(found.labels, distances.argmin(1))
    assert found.loss == pytest.approx(distances.min(1).sum())
    sizes = np.bincount(found.labels, minlength=k)
    assert (np.diff(sizes) <= 0).all()
    for each in range(k):
        np.testing.assert_allclose(found.centres[each], rows[found.labels == each].mean(0), atol=1e-5)


def test_no_cluster_is_empty_even_of_equal_rows() -> None:
    found = k_means(np.ones((6, 3), dtype=np.float32), 4, draw=np.random.default_rng(0))
    assert sorted(set(found.labels.tolist())) == [0, 1, 2, 3]


def test_the_same_beginning_gives_the_same_clusters() -> None:
    one, two = (k_means(blobs(5, apart=1.0), 5, draw=np.random.default_rng(3)).labels for _ in range(2))
    assert np.array_equal(one, two)


def test_centres_are_compared_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = blobs(3)
    centres = rows[:9].astype(np.float64)
    whole = nearest_centres(rows, centres)
    monkeypatch.setattr(clustering, "BLOCK", 7)
    parts = nearest_centres(rows, centres)
    assert np.array_equal(whole.labels, parts.labels)
    np.testing.assert_allclose(whole.distances, parts.distances, atol=1e-9)


@pytest.mark.parametrize("k", [2, 6])
def test_the_silhouette_is_that_of_scikit_learn(k: int) -> None:
    rows = blobs(4, apart=2.0)
    labels = np.random.default_rng(1).integers(k, size=240)
    assert silhouette(rows, labels) == pytest.approx(silhouette_score(rows.astype(np.float64), labels), abs=1e-6)


def test_a_row_alone_in_its_cluster_has_the_silhouette_zero() -> None:
    rows = np.array([[0.0], [1.0], [9.0]], dtype=np.float32)
    # of the first a = 1, b = 9, of the second a = 1, b = 8
    assert silhouette(rows, np.array([0, 0, 5])) == pytest.approx((8 / 9 + 7 / 8) / 3)


@pytest.mark.parametrize("k", [2, 3, 5, 8])
def test_as_many_clusters_are_chosen_as_there_are(k: int) -> None:
    count, score = best_count(blobs(k, width=12), draw=np.random.default_rng(0))
    assert count == k
    assert 0.5 < score <= 1


def test_few_and_equal_rows_are_one_cluster() -> None:
    assert best_count(blobs(2, n=5), draw=np.random.default_rng(0)) == (1, 0.0)
    assert best_count(np.ones((50, 2), dtype=np.float32), draw=np.random.default_rng(0)) == (1, 0.0)


def test_the_plane_is_that_of_the_principal_components(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_reduction, "BLOCK", 50)
    rows = blobs(3, width=6)
    plane, other = principal_plane(rows), PCA(2).fit(rows.astype(np.float64))
    np.testing.assert_allclose(np.abs(plane.points), np.abs(other.transform(rows)), atol=1e-5)
    np.testing.assert_allclose(plane.shares, other.explained_variance_ratio_, atol=1e-6)


def test_rows_without_a_plane_lie_on_a_line_or_in_a_point() -> None:
    assert principal_plane(np.zeros((0, 3), dtype=np.float32)).points.shape == (0, 2)
    still = principal_plane(np.ones((4, 3), dtype=np.float32))
    assert (np.abs(still.points).max(), still.shares) == (0.0, (0.0, 0.0))
    line = principal_plane(np.float32([[1], [2], [3]]))
    assert (line.points.tolist(), line.shares) == ([[-1, 0], [0, 0], [1, 0]], (1.0, 0.0))
