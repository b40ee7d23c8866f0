"""Multinomial logistic regression against scikit-learn and the conditions of its minimum."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from diptych.errors import BadSetting
from diptych.maths.logistic import multinomial_regression


def drawn(count: int, width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    kinds = np.arange(count) % classes
    rows = generator.normal(size=(classes, width))[kinds] + 2 * generator.normal(size=(count, width)) + 1
    return rows, kinds


@pytest.mark.parametrize(("count", "width", "strength"), [(90, 6, 0.3), (90, 6, 50.0), (30, 50, 2.0)])
def test_weights_and_posteriors_equal_scikit_learns(count: int, width: int, strength: float) -> None:
    rows, kinds = drawn(count, width, 4)
    found = multinomial_regression(rows, np.eye(4)[kinds], strength=strength, tolerance=1e-9)
    theirs = LogisticRegression(C=strength, solver="newton-cg", tol=1e-10, max_iter=10_000).fit(rows, kinds)
    np.testing.assert_allclose(found.weights, theirs.coef_.T, atol=1e-5)
    np.testing.assert_allclose(found.bias, theirs.intercept_ - theirs.intercept_.mean(), atol=1e-5)
    posteriors = softmax(rows @ found.weights + found.bias, axis=1)
    np.testing.assert_allclose(posteriors, theirs.predict_proba(rows), atol=1e-5)


def test_shared_targets_meet_the_conditions_of_the_minimum() -> None:
    rows, _ = drawn(60, 8, 3)
    labels = np.random.default_rng(1).random((60, 3)) < 0.5
    labels[:, 0] |= ~labels.any(1)
    targets = labels / labels.sum(1, keepdims=True)
    found = multinomial_regression(rows, targets, strength=2.0, tolerance=1e-9)
    excess = softmax(rows @ found.weights + found.bias, axis=1) - targets
    np.testing.assert_allclose(2 * rows.T @ excess, -found.weights, atol=1e-5)
    np.testing.assert_allclose(excess.sum(0), 0, atol=1e-6)


def test_a_single_category_is_certain() -> None:
    found = multinomial_regression(np.ones((5, 2)), np.ones((5, 1)), strength=1.0)
    assert not found.weights.any()
    assert not found.bias.any()


def test_too_few_iterations_are_named() -> None:
    rows, kinds = drawn(60, 8, 3)
    with pytest.raises(
        BadSetting, match="logistic regression did not converge within 1 iterations at a strength of 10"
    ):
        multinomial_regression(rows, np.eye(3)[kinds], strength=10.0, iterations=1)
