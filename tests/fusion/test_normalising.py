"""One scale for similarities of different spaces."""

import numpy as np
import pytest

from diptych.fusion.normalising import min_max, z_score


def test_the_range_becomes_zero_to_one_for_each_query() -> None:
    assert min_max(np.array([[1.0, 3.0, 2.0], [-4.0, 0.0, -2.0]])).tolist() == [[0, 1, 0.5], [0, 1, 0.5]]


def test_the_range_may_be_taken_by_column() -> None:
    assert min_max(np.array([[1.0, 5.0], [3.0, 5.0]]), axis=0).tolist() == [[0, 0], [1, 0]]


def test_standard_scores_have_mean_zero_and_deviation_one() -> None:
    scores = z_score(np.random.default_rng(0).standard_normal((3, 50)) * 7 + 2)
    assert scores.mean(axis=1) == pytest.approx(np.zeros(3), abs=1e-12)
    assert scores.std(axis=1) == pytest.approx(np.ones(3))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_equal_similarities_become_zero_and_keep_their_precision(kind: type) -> None:
    # the mean of three times .1 is not .1 exactly: a rounding error must not pass for a deviation
    constant = np.full((2, 3), 0.1, dtype=kind)
    for normalised in (min_max(constant), z_score(constant)):
        assert normalised.dtype == kind
        assert abs(normalised).max() == 0
