"""The total correlation against its literal definition, its closed form and numerical gradients."""

import numpy as np
import pytest
import torch
from scipy.linalg import inv, sqrtm
from torch import Tensor

from diptych.errors import Diverged
from diptych.maths.correlation import canonical_correlations
from diptych.maths.correlation_loss import total_correlation


def rows_of(count: int = 40, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return pairs of 5 and 4 numbers, two of which they share."""
    draw = np.random.default_rng(seed).standard_normal
    shared, x, y = draw((count, 2)), draw((count, 5)), draw((count, 4))
    x[:, :2] += shared
    y[:, :2] += 2 * shared
    return torch.from_numpy(x + 3), torch.from_numpy(y - 1)


def literal(x: np.ndarray, y: np.ndarray, ridge: float, count: int) -> float:
    """Return the singular values of S^-1/2 C T^-1/2, written as the paper does, and their sum."""
    x, y = x - x.mean(0), y - y.mean(0)
    roots = []
    for rows in (x, y):
        covariance = rows.T @ rows / len(rows)
        share = ridge * np.trace(covariance) / len(covariance)
        roots.append(inv(sqrtm(covariance + share * np.eye(len(covariance)))))
    whitened = roots[0] @ (x.T @ y / len(x)) @ roots[1]
    return float(np.sort(np.sqrt(np.linalg.eigvalsh(whitened.T @ whitened)))[::-1][:count].sum())


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_total_correlation_equals_its_definition_by_matrix_roots(ridge: float, count: int) -> None:
    x, y = rows_of()
    found = total_correlation(x, y, ridge=ridge, count=count)
    assert float(found) == pytest.approx(literal(x.numpy(), y.numpy(), ridge, count), rel=1e-9)


def test_it_is_what_canonical_correlation_analysis_attains() -> None:
    x, y = rows_of()
    centred = [(rows - rows.mean(0)).numpy() for rows in (x, y)]
    for ridge in (0.0, 0.1):
        solved = canonical_correlations(*centred, ridge=ridge, count=4)
        assert float(total_correlation(x, y, ridge=ridge, count=4)) == pytest.approx(solved.strengths.sum(), rel=1e-6)


def test_identical_rows_correlate_in_each_of_their_directions() -> None:
    x, _ = rows_of()
    turned = torch.linalg.qr(x[:5])[0]
    for count in (1, 3, 5):
        assert float(total_correlation(x, x @ turned * 7 - 2, ridge=0.0, count=count)) == pytest.approx(count)


def test_scaling_a_batch_changes_nothing_with_a_ridge() -> None:
    x, y = rows_of()
    found = total_correlation(x, y, ridge=0.2, count=4)
    torch.testing.assert_close(total_correlation(1000 * x, y / 1000, ridge=0.2, count=4), found)


@pytest.mark.parametrize("count", [2, 4])
def test_its_gradient_is_the_numerical_one(count: int) -> None:
    x, y = (rows.requires_grad_() for rows in rows_of(12))
    assert torch.autograd.gradcheck(lambda x, y: total_correlation(x, y, ridge=0.1, count=count), (x, y))


def test_its_gradient_is_finite_where_all_correlations_are_equal() -> None:
    x = rows_of()[0].requires_grad_()
    total_correlation(x, x.detach() * 2, ridge=0.01, count=5).backward()
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_it_is_computed_in_double_precision_from_single() -> None:
    x, y = (rows.float() for rows in rows_of())
    found = total_correlation(x, y, ridge=0.1, count=4)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, total_correlation(x.double(), y.double(), ridge=0.1, count=4))


@pytest.mark.parametrize("spoilt", [torch.zeros(40, 4), torch.full((40, 4), float("nan")), torch.ones(40, 4)])
def test_rows_that_vary_in_no_direction_or_are_not_finite_are_refused(spoilt: Tensor) -> None:
    with pytest.raises(Diverged, match=r"has no inverse.*Raise the ridge, or lower the dimensions or the learning"):
        total_correlation(rows_of()[0], spoilt, ridge=0.1, count=4)
