"""Multinomial logistic regression, solved to convergence."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import minimize
from scipy.special import log_softmax

from diptych.errors import BadSetting

LIMIT_REACHED = 1
"""SciPy's status for reaching the iteration limit."""


class LinearClassifier(NamedTuple):
    """Posteriors are softmax(x weights + bias)."""

    weights: Float[np.ndarray, "d c"]
    bias: Float[np.ndarray, " c"]


def multinomial_regression(
    rows: Float[np.ndarray, "n d"],
    targets: Float[np.ndarray, "n c"],
    *,
    strength: float,
    tolerance: float = 1e-6,
    iterations: int = 1000,
) -> LinearClassifier:
    """Return the one classifier that minimises

        strength sum_i H(t_i, softmax(W'x_i + b)) + 1/2 ||W||^2,   H(t, p) = -sum_c t_c log p_c

    where each t_i is a distribution over categories; b is not penalised. The objective is strictly convex
    in W, so the start does not matter; the biases are shifted to sum to 0. L-BFGS ends when no gradient exceeds
    `tolerance` times the largest one at the start, or when rounding prevents further progress; raises `BadSetting` if
    it takes more than `iterations`.

    It runs in coordinates in which the curvature is nearly the same in all directions: with rows Xc less their mean,
    k = strength / c and k Xc'Xc + I = L L', V = L'W and Z = Xc L'^-1, one has ||W||^2 = ||V||^2 - k ||Z V||^2.
    """
    mean, curvature = rows.mean(0), strength / targets.shape[1]
    centred = rows - mean
    gram = curvature * (centred.T @ centred)
    gram[np.diag_indices_from(gram)] += 1
    triangle = cholesky(gram, lower=True, overwrite_a=True)
    whitened = solve_triangular(triangle, centred.T, lower=True).T
    solution = _minimised(
        whitened, targets, strength=strength, curvature=curvature, tolerance=tolerance, iterations=iterations
    )
    weights = solve_triangular(triangle, solution.weights, lower=True, trans="T")
    bias = solution.bias - mean @ weights
    return LinearClassifier(weights, bias - bias.mean())


def _minimised(
    whitened: Float[np.ndarray, "n d"],
    targets: Float[np.ndarray, "n c"],
    *,
    strength: float,
    curvature: float,
    tolerance: float,
    iterations: int,
) -> LinearClassifier:
    """Return V and the biases at the minimum."""
    width, classes = whitened.shape[1], targets.shape[1]
    # The biases, too, are measured in units of their curvature.
    unit = 1 / np.sqrt(curvature * len(whitened))

    def objective(flat: Float[np.ndarray, " v"]) -> tuple[float, Float[np.ndarray, " v"]]:
        values = flat.reshape(width + 1, classes)
        linear = whitened @ values[:-1]
        logarithms = log_softmax(linear + unit * values[-1], axis=1)
        loss = -strength * np.vdot(targets, logarithms)
        penalty = np.vdot(values[:-1], values[:-1]) - curvature * np.vdot(linear, linear)
        slopes = strength * (np.exp(logarithms) - targets)
        gradient = np.vstack([whitened.T @ (slopes - curvature * linear) + values[:-1], unit * slopes.sum(0)])
        return float(loss + penalty / 2), gradient.ravel()

    start = np.zeros((width + 1) * classes)
    bound = tolerance * max(float(np.abs(objective(start)[1]).max()), np.finfo(np.float64).tiny)
    options = {"maxiter": iterations, "maxfun": 2 * iterations, "maxcor": 20, "gtol": bound, "ftol": 1e-15}
    result = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
    if result.status == LIMIT_REACHED:
        raise BadSetting(
            f"logistic regression did not converge within {iterations} iterations at a strength of "
            f"{strength:g}. Lower the strength."
        )
    values = result.x.reshape(width + 1, classes)
    return LinearClassifier(values[:-1], unit * values[-1])
