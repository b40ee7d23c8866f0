"""Reciprocal ranks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from diptych.fusion.rrf import Rule, ranks


def test_a_known_answer() -> None:
    fused = Rule().fuse(np.array([[0.9, 0.1, 0.5]]), np.array([[1.0, 3.0, 2.0]]), queries="image")
    np.testing.assert_allclose(fused, [[1 / 61 + 1 / 63, 1 / 63 + 1 / 61, 1 / 62 + 1 / 62]])


@given(arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.sampled_from([-1.0, 0.0, 0.5, 2.0])))
def test_ranks_equal_scipy_s_with_ties_sharing_the_best(similarity: np.ndarray) -> None:
    np.testing.assert_array_equal(ranks(similarity), stats.rankdata(-similarity, method="min", axis=1))


@pytest.mark.parametrize("scale", [0.01, 1000.0])
def test_the_scale_of_a_space_does_not_matter(scale: float) -> None:
    generator = np.random.default_rng(0)
    visual, textual = generator.standard_normal((3, 7)), generator.standard_normal((3, 7))
    np.testing.assert_array_equal(
        Rule().fuse(scale * visual, textual, queries="image"), Rule().fuse(visual, textual, queries="image")
    )
