"""Reductions against scikit-learn."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from diptych.maths.reduction import principal_components, standard_scale


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
