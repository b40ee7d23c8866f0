"""Regressions against scikit-learn and against the conditions of their minima."""

import numpy as np
import pytest
from sklearn.linear_model import MultiTaskLasso, Ridge

from diptych.maths.regression import group_lengths, group_sparse_regression, ridge_regression

Problem = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def problem() -> Problem:
    """Return rows and targets of which only the first six features know anything."""
    generator = np.random.default_rng(0)
    rows = generator.normal(size=(80, 12))
    return rows, rows[:, :6] @ generator.normal(size=(6, 3)) + 0.3 * generator.normal(size=(80, 3))


def test_ridge_regression_equals_scikit_learns(problem: Problem) -> None:
    rows, targets = problem
    found = ridge_regression(rows.T @ rows, rows.T @ targets, ridge=7.0)
    np.testing.assert_allclose(found, Ridge(alpha=7.0, fit_intercept=False).fit(rows, targets).coef_.T, atol=1e-10)


@pytest.mark.parametrize("group", [1, 4])
def test_without_a_penalty_it_is_ridge_regression_exactly(problem: Problem, group: int) -> None:
    rows, targets = problem
    gram, moments = rows.T @ rows, rows.T @ targets
    found = group_sparse_regression(gram, moments, penalty=0.0, ridge=2.0, group=group)
    assert np.array_equal(found, ridge_regression(gram, moments, ridge=2.0))


def test_a_vanishing_penalty_tends_to_ridge_regression(problem: Problem) -> None:
    rows, targets = problem
    gram, moments = rows.T @ rows, rows.T @ targets
    found = group_sparse_regression(gram, moments, penalty=1e-8, ridge=2.0, group=3)
    np.testing.assert_allclose(found, ridge_regression(gram, moments, ridge=2.0), atol=1e-8)


def test_groups_of_one_feature_equal_scikit_learns_multi_task_lasso(problem: Problem) -> None:
    rows, targets = problem
    penalty = 60.0
    lasso = MultiTaskLasso(alpha=penalty / (2 * len(rows)), fit_intercept=False, tol=1e-12, max_iter=10_000)
    expected = lasso.fit(rows, targets).coef_.T
    found = group_sparse_regression(rows.T @ rows, rows.T @ targets, penalty=penalty, sweeps=2000, tolerance=1e-12)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert (np.abs(expected).max(1) == 0).sum() >= 3


def test_groups_meet_the_conditions_of_the_minimum(problem: Problem) -> None:
    rows, targets = problem
    gram, moments, penalty, ridge = rows.T @ rows, rows.T @ targets, 100.0, 3.0
    found = group_sparse_regression(gram, moments, penalty=penalty, ridge=ridge, group=5, sweeps=5000, tolerance=1e-13)
    slope = 2 * (gram @ found - moments + ridge * found)
    for start in range(0, 12, 5):
        block, length = slope[start : start + 5], np.linalg.norm(found[start : start + 5])
        if length > 1e-6:
            np.testing.assert_allclose(block, -penalty * found[start : start + 5] / length, atol=1e-5)
        else:
            assert np.linalg.norm(block) <= penalty
    assert group_lengths(found, group=5)[-1] < 1e-6
    assert group_lengths(found, group=5)[0] > 0.1


def test_more_features_than_rows_and_a_feature_of_zeros_are_no_obstacle(problem: Problem) -> None:
    rows, targets = problem
    rows = np.column_stack([rows[:8], np.zeros(8)])
    found = group_sparse_regression(rows.T @ rows, rows.T @ targets[:8], penalty=0.1)
    assert np.isfinite(found).all()
    assert not found[-1].any()


def test_nothing_to_explain_gives_zeros() -> None:
    assert not group_sparse_regression(np.eye(3), np.zeros((3, 2)), penalty=1.0).any()
