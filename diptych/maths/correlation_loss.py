"""The total correlation of two batches of rows, as a differentiable objective.

The closed-form solution for fixed rows is `diptych.maths.correlation`; this is its objective, for the outputs of
networks in training.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from diptych.errors import Diverged


def total_correlation(
    x: Float[Tensor, "b d"], y: Float[Tensor, "b e"], *, ridge: float, count: int
) -> Float64[Tensor, ""]:
    """Return the sum of the `count` largest canonical correlations of paired rows:

        || S^-1/2 C T^-1/2 ||_*    C = X'Y / b    S = X'X / b + r I    T = Y'Y / b + s I    X, Y centred

    `ridge` is relative: r and s are that share of the mean variance of X's and Y's columns. With S = L L' and
    T = M M' the singular values are those of L^-1 C M'^-1, so two Cholesky factors stand in for the roots. The
    gradient of their sum is U V': it holds no difference of eigenvalues to divide by, and equal correlations are as
    good as any. It is computed in double precision, whatever comes in. With fewer rows than columns and no ridge, S and
    T have no inverse; with few more rows, every direction correlates perfectly and the sum is meaningless.

    Paper: Andrew, Arora, Bilmes & Livescu, ICML 2013, equation 10.

    >>> rows = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
    >>> round(float(total_correlation(rows, 2 * rows + 1, ridge=0.0, count=3)), 6)
    3.0
    """
    x, y = (rows.double() - rows.double().mean(0) for rows in (x, y))
    half = torch.linalg.solve_triangular(_root(x, ridge), x.T @ y / len(x), upper=False)
    whitened = torch.linalg.solve_triangular(_root(y, ridge), half.T, upper=False)
    strengths: Float64[Tensor, " k"] = torch.linalg.svdvals(whitened)
    return strengths[:count].sum()


def _root(rows: Float64[Tensor, "b d"], ridge: float) -> Float64[Tensor, "d d"]:
    """Return the lower Cholesky factor of the ridged covariance of centred rows."""
    identity = torch.eye(rows.shape[1], dtype=rows.dtype, device=rows.device)
    covariance = rows.T @ rows / len(rows) + ridge * rows.square().mean() * identity
    factor: Float64[Tensor, "d d"]
    factor, failed = torch.linalg.cholesky_ex(covariance)
    if failed:
        raise Diverged(
            "the covariance of a batch has no inverse: its rows are not finite, or vary in fewer directions than they "
            "have numbers. Raise the ridge, or lower the dimensions or the learning rate."
        )
    return factor
