"""Canonical directions against their literal definition, scikit-learn, cca-zoo and known answers."""

import numpy as np
import pytest
from scipy.linalg import block_diag, eigh
from sklearn import cross_decomposition

from diptych.errors import BadFeature
from diptych.maths.correlation import (
    Directions,
    canonical_correlations,
    canonical_directions,
    leading_pairs,
    ridged_whitening,
    whitening,
)

COUNT, X, Y = 200, 7, 5


def views(count: int = COUNT, x: int = X, y: int = Y) -> tuple[np.ndarray, np.ndarray]:
    """Return centred rows that share three factors, each weaker than the one before."""
    generator = np.random.default_rng(0)
    factors = generator.standard_normal((count, 3)) * (3.0, 2.0, 1.0)
    rows = [
        factors @ generator.standard_normal((3, width)) + generator.standard_normal((count, width)) for width in (x, y)
    ]
    return rows[0] - rows[0].mean(0), rows[1] - rows[1].mean(0)


def correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the correlation of every column of one with that of the other."""
    return np.array([np.corrcoef(one, other)[0, 1] for one, other in zip(x.T, y.T, strict=True)])


def literal(x: np.ndarray, y: np.ndarray, x_ridge: float, y_ridge: float) -> np.ndarray:
    """Return the canonical correlations as the generalised eigenvalues of [0 C; C' 0] w = rho [S 0; 0 T] w."""
    cross = x.T @ y / len(x)
    between = np.block([[np.zeros((x.shape[1],) * 2), cross], [cross.T, np.zeros((y.shape[1],) * 2)]])
    within = block_diag(
        x.T @ x / len(x) + x_ridge * np.eye(x.shape[1]), y.T @ y / len(y) + y_ridge * np.eye(y.shape[1])
    )
    return eigh(between, within, eigvals_only=True)[::-1][: min(x.shape[1], y.shape[1])]


@pytest.mark.parametrize("ridge", [0.0, 0.1, 3.0])
def test_canonical_correlations_are_the_generalised_eigenvalues(ridge: float) -> None:
    x, y = views()
    found = canonical_correlations(x, y, ridge=ridge, count=Y)
    np.testing.assert_allclose(found.strengths, literal(x, y, ridge * x.var(), ridge * y.var()), atol=1e-10)


@pytest.mark.parametrize("ridge", [0.0, 0.1, 3.0])
@pytest.mark.parametrize(("x_width", "y_width"), [(X, Y), (Y, X)])
def test_directions_have_length_one_in_the_ridged_covariance_and_meet_only_their_partners(
    ridge: float, x_width: int, y_width: int
) -> None:
    x, y = views(x=x_width, y=y_width)
    found = canonical_correlations(x, y, ridge=ridge, count=3)
    for rows, directions in ((x, found.x), (y, found.y)):
        metric = rows.T @ rows / COUNT + ridge * rows.var() * np.eye(rows.shape[1])
        np.testing.assert_allclose(directions.T @ metric @ directions, np.eye(3), atol=1e-10)
    np.testing.assert_allclose(found.x.T @ (x.T @ y / COUNT) @ found.y, np.diag(found.strengths), atol=1e-10)


def test_without_a_ridge_they_are_those_of_scikit_learn() -> None:
    x, y = views()
    found = canonical_correlations(x, y, ridge=0.0, count=3)
    reference = cross_decomposition.CCA(3, max_iter=20_000, tol=1e-14).fit(x, y)
    np.testing.assert_allclose(found.strengths, correlations(*reference.transform(x, y)), atol=1e-5)
    np.testing.assert_allclose(found.strengths, correlations(x @ found.x, y @ found.y), atol=1e-10)


@pytest.mark.parametrize("ridge", [0.0, 0.4])
def test_they_are_those_of_cca_zoo(ridge: float) -> None:
    linear = pytest.importorskip("cca_zoo.linear", reason="cca-zoo, a reference for tests, is not installed")
    x, y = views()
    found = canonical_correlations(x, y, ridge=ridge, count=3)
    # theirs is (1 - c) S + c I with S over n - 1: ours, S + r I over n, up to one factor
    shrinkage = [(r := ridge * rows.var() * COUNT / (COUNT - 1)) / (1 + r) for rows in (x, y)]
    reference = linear.RidgeCCA(n_components=3, shrinkage=shrinkage).fit([x, y])
    for ours, theirs in zip((found.x, found.y), reference.weights_, strict=True):
        alike = np.abs((ours * theirs).sum(0)) / np.linalg.norm(ours, axis=0) / np.linalg.norm(theirs, axis=0)
        np.testing.assert_allclose(alike, 1, atol=1e-8)


def test_identical_views_correlate_one_in_any_linear_disguise() -> None:
    x, _ = views()
    disguise = np.random.default_rng(1).standard_normal((X, X))
    np.testing.assert_allclose(canonical_correlations(x, x @ disguise, ridge=0.0, count=X).strengths, 1, atol=1e-10)


def test_without_a_ridge_fewer_rows_than_columns_correlate_perfectly() -> None:
    x, y = views(count=5)
    found = canonical_correlations(x, y, ridge=0.0, count=4)
    np.testing.assert_allclose(found.strengths, 1, atol=1e-9)


@pytest.mark.parametrize("ridge", [0.01, 1.0])
def test_wide_rows_are_solved_in_their_own_span_with_the_same_outcome(ridge: float) -> None:
    x, y = views(count=6, x=40, y=30)
    found = canonical_correlations(x, y, ridge=ridge, count=4)
    expected = literal(x, y, ridge * np.square(x).mean(), ridge * np.square(y).mean())
    np.testing.assert_allclose(found.strengths, expected[:4], atol=1e-9)
    assert (found.x.shape, found.y.shape) == ((40, 4), (30, 4))


def test_a_column_that_repeats_another_changes_no_correlation() -> None:
    x, y = views()
    doubled = np.hstack([x, x[:, :2]])
    found, expected = (canonical_correlations(rows, y, ridge=0.0, count=3) for rows in (doubled, x))
    np.testing.assert_allclose(found.strengths, expected.strengths, atol=1e-9)
    assert np.abs(found.x).max() < 10


def test_the_ridge_does_not_depend_on_the_unit_of_measurement() -> None:
    x, y = views()
    found, expected = (canonical_correlations(rows, y, ridge=0.5, count=3) for rows in (1000 * x, x))
    np.testing.assert_allclose(found.strengths, expected.strengths, atol=1e-10)


def test_leading_pairs_are_those_of_numpy_and_of_partial_least_squares() -> None:
    x, y = views()
    found = leading_pairs(x.T @ y, count=3)
    left, values, right = np.linalg.svd(x.T @ y)
    np.testing.assert_allclose(found.strengths, values[:3], rtol=1e-10)
    reference = cross_decomposition.PLSSVD(3, scale=False).fit(x, y)
    for expected in ((left[:, :3], right[:3].T), (reference.x_weights_, reference.y_weights_)):
        for ours, theirs in zip((found.x, found.y), expected, strict=True):
            np.testing.assert_allclose(np.abs((ours * theirs).sum(0)), 1, atol=1e-8)
    for directions in (found.x, found.y):
        np.testing.assert_allclose(directions.T @ directions, np.eye(3), atol=1e-8)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6)])
def test_there_are_no_more_pairs_than_the_rank(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    cross = generator.standard_normal((shape[0], 2)) @ generator.standard_normal((2, shape[1]))
    found = leading_pairs(cross, count=9)
    assert len(found.strengths) == 2
    np.testing.assert_allclose((found.x * found.strengths) @ found.y.T, cross, atol=1e-8)


def test_sides_that_have_nothing_to_agree_in_are_refused() -> None:
    with pytest.raises(BadFeature, match=r"their cross-covariance is 0\. Check that the items differ"):
        canonical_correlations(np.zeros((9, 3)), np.zeros((9, 2)), ridge=1.0, count=2)


def test_whitening_spans_the_range_of_a_singular_metric() -> None:
    rows = views()[0][:4]
    metric = rows.T @ rows
    found = whitening(metric)
    assert found.shape == (X, 4)
    np.testing.assert_allclose(found.T @ metric @ found, np.eye(4), atol=1e-10)
    np.testing.assert_allclose(metric @ found @ found.T @ metric, metric, atol=1e-9)


@pytest.mark.parametrize("count", [4, COUNT])
def test_ridged_whitening_gives_rows_the_identity(count: int) -> None:
    rows = views()[0][:count]
    found = ridged_whitening(rows, ridge=0.3)
    metric = rows.T @ rows / count + 0.3 * np.eye(X)
    np.testing.assert_allclose(found.T @ metric @ found, np.eye(min(count, X)), atol=1e-10)


def test_canonical_directions_take_any_metric() -> None:
    x, y = views()
    cross, x_metric = x.T @ y, np.diag(np.arange(1.0, X + 1))
    found = canonical_directions(whitening(x_metric), whitening(np.eye(Y)), cross, count=2)
    np.testing.assert_allclose(found.x.T @ x_metric @ found.x, np.eye(2), atol=1e-10)
    root = np.sqrt(np.diag(x_metric))[:, None]
    np.testing.assert_allclose(found.strengths, np.linalg.svd(cross / root)[1][:2], rtol=1e-10)


def test_weighting_multiplies_directions_by_a_power_of_their_strength() -> None:
    found = Directions(np.ones((2, 2)), np.ones((1, 2)), np.array([0.5, 0.1]))
    assert found.weighted(0.0).x.tolist() == [[1, 1], [1, 1]]
    np.testing.assert_allclose(found.weighted(2.0).y, [[0.25, 0.01]])
    np.testing.assert_allclose(found.weighted(2.0).strengths, found.strengths)
