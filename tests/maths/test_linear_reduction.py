"""Reductions against scikit-learn."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from diptych.maths.linear_reduction import orthonormal_span, principal_components, standard_scale


def rows(count: int = 40, width: int = 6) -> np.ndarray:
    generator = np.random.default_rng(0)
    return (generator.standard_normal((count, width)) * np.arange(1, width + 1) + 3).astype(np.float32)


def test_components_are_those_of_scikit_learn_up_to_signs_and_one_scale() -> None:
    mean, basis = principal_components(rows(), width=3)
    reference = PCA(3).fit(rows())
    projected, expected = (rows() - mean) @ basis, reference.transform(rows())
    expected = expected * np.sign((projected * expected).sum(0)) / np.sqrt(reference.explained_variance_.mean())
    np.testing.assert_allclose(projected, expected, atol=1e-4)
    assert projected.var(0, ddof=1).mean() == pytest.approx(1.0, abs=1e-4)


def test_the_same_rows_in_any_order_give_the_same_signs() -> None:
    _, basis = principal_components(rows(), width=4)
    _, reversed_basis = principal_components(rows()[::-1], width=4)
    np.testing.assert_allclose(basis, reversed_basis, atol=1e-5)
    assert (basis[np.abs(basis).argmax(0), np.arange(4)] > 0).all()


@pytest.mark.parametrize(("count", "width", "kept"), [(4, 6, 4), (40, 6, 6)])
def test_with_fewer_rows_or_columns_than_asked_for_it_keeps_as_many_as_there_are(
    count: int, width: int, kept: int
) -> None:
    basis = principal_components(rows(count, width), width=9).basis
    assert basis.shape == (width, kept)
    assert np.isfinite(basis).all()


def test_standard_scale_is_the_mean_and_the_root_of_the_mean_variance() -> None:
    mean, scale = standard_scale(rows())
    np.testing.assert_allclose(mean, rows().mean(0), atol=1e-5)
    assert ((rows() - mean) / scale).var(0).mean() == pytest.approx(1.0, abs=1e-5)


def test_rows_that_are_all_alike_are_scaled_without_dividing_by_zero() -> None:
    mean, scale = standard_scale(np.ones((3, 2), dtype=np.float32))
    assert mean.tolist() == [1.0, 1.0]
    assert scale == 1e-12


@pytest.mark.parametrize(("width", "inner", "rank"), [(200, 5, 5), (200, 12, 7), (6, 20, 6)])
def test_coordinates_in_the_span_keep_every_inner_product_with_what_an_affine_map_placed(
    width: int, inner: int, rank: int
) -> None:
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((width, rank)) @ generator.standard_normal((rank, inner))
    bias = 10 * generator.standard_normal(width)
    basis = orthonormal_span(np.column_stack([weight, bias]).astype(np.float64))
    placed, other = generator.standard_normal((30, inner)) @ weight.T + bias, generator.standard_normal((40, width))
    assert basis.shape == (width, min(rank + 1, width))
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)
    np.testing.assert_allclose((other @ basis) @ (placed @ basis).T, other @ placed.T, rtol=1e-9, atol=1e-9)


def test_a_span_of_single_precision_is_found_in_double() -> None:
    weight = np.random.default_rng(1).standard_normal((50, 8)).astype(np.float32)
    basis = orthonormal_span(weight)
    assert basis.dtype == np.float64
    np.testing.assert_allclose(basis @ (basis.T @ weight), weight, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 3), (4, 0)])
def test_nothing_spans_nothing(shape: tuple[int, int]) -> None:
    assert orthonormal_span(np.zeros(shape)).shape == (4, 0)
