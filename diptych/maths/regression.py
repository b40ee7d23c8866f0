"""Linear regression in closed form: ridge, and group penalties that eliminate whole groups of features.

Both take the data as X'X (`gram`) and X'Y (`moments`), so that several terms can be summed into one problem.
"""

import numpy as np
from jaxtyping import Float
from scipy.linalg import cho_factor, cho_solve


def ridge_regression(
    gram: Float[np.ndarray, "d d"], moments: Float[np.ndarray, "d c"], *, ridge: float
) -> Float[np.ndarray, "d c"]:
    """Return W = (X'X + ridge I)^-1 X'Y, which minimises ||X W - Y||^2 + ridge ||W||^2, by Cholesky.

    >>> ridge_regression(np.eye(2), np.array([[2.0], [4.0]]), ridge=1.0).ravel().round(9).tolist()
    [1.0, 2.0]
    """
    return _solved(gram + ridge * np.eye(len(gram)), moments)


def group_sparse_regression(
    gram: Float[np.ndarray, "d d"],
    moments: Float[np.ndarray, "d c"],
    *,
    penalty: float,
    ridge: float = 0.0,
    group: int = 1,
    sweeps: int = 100,
    tolerance: float = 1e-6,
) -> Float[np.ndarray, "d c"]:
    """Return W that minimises ||X W - Y||^2 + ridge ||W||^2 + penalty sum_g ||W_g||, with some groups near zero.

    W_g are `group` consecutive rows of W (fewer in the last); with groups of 1 the sum is ||W||_{2,1}. Solved by
    reweighting: every sweep replaces ||W_g|| by the parabola ||W_g||^2 / (2 ||W_g||_before) + const, which touches it
    from above, and solves

        (X'X + ridge I + penalty D) W = X'Y,   D = diag(1 / (2 ||W_g||_before))

    It starts from groups of equal length and ends after `sweeps`, or once W moves by less than `tolerance` of its
    length. A group eliminated by a strong penalty shrinks by a factor in every sweep and is never exactly zero.
    """
    if not penalty:
        return ridge_regression(gram, moments, ridge=ridge)
    weights = np.ones_like(moments)
    for _ in range(sweeps):
        # With D = S^-2 and W = S V the system stays well conditioned while lengths, and so S, go to zero.
        scale = np.sqrt(2 * group_lengths(weights, group=group))[:, None]
        scaled = scale * gram * scale.T
        scaled[np.diag_indices_from(scaled)] += ridge * scale[:, 0] ** 2 + penalty
        before, weights = weights, scale * _solved(scaled, scale * moments)
        if np.linalg.norm(weights - before) <= tolerance * np.linalg.norm(weights):
            break
    return weights


def group_lengths(weights: Float[np.ndarray, "d c"], *, group: int) -> Float[np.ndarray, " d"]:
    """Return for each row of W the length ||W_g|| of the group of consecutive rows that it belongs to.

    >>> group_lengths(np.array([[3.0], [4.0], [2.0]]), group=2).tolist()
    [5.0, 5.0, 2.0]
    """
    squares = np.add.reduceat((weights**2).sum(1), np.arange(0, len(weights), group))
    lengths: Float[np.ndarray, " d"] = np.sqrt(squares).repeat(group)[: len(weights)]
    return lengths


def relative(weights: Float[np.ndarray, "d c"]) -> Float[np.ndarray, "d c"]:
    """Return the weights divided by their largest magnitude: cosines are unchanged, and tiny weights stay distinct.

    >>> relative(np.array([[2e-30], [-4e-30]])).ravel().tolist()
    [0.5, -1.0]
    """
    scaled: Float[np.ndarray, "d c"] = weights / max(np.abs(weights).max(), np.finfo(np.float64).tiny)
    return scaled


def _solved(matrix: Float[np.ndarray, "d d"], right: Float[np.ndarray, "d c"]) -> Float[np.ndarray, "d c"]:
    """Return matrix^-1 right for a positive definite matrix."""
    solution: Float[np.ndarray, "d c"] = cho_solve(cho_factor(matrix, lower=True), right)
    return solution
