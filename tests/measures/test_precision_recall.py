"""Interpolated precision against a literal loop."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diptych.measures.precision_recall import mean_curve, precision_at_recall, recall_levels
from diptych.measures.ranking import order, relevant_ranks


def literal_curve(hits: list[bool], points: int) -> list[float]:
    if not any(hits):
        return [float("nan")] * points
    curve = []
    for point in range(points):
        level = Fraction(point, points - 1)
        right, best = 0, 0.0
        for place, hit in enumerate(hits, start=1):
            right += hit
            if Fraction(right, sum(hits)) >= level:
                best = max(best, right / place)
        curve.append(best)
    return curve


@given(arrays(bool, st.tuples(st.integers(1, 4), st.integers(1, 15))), st.sampled_from([2, 3, 11, 101]))
def test_a_curve_equals_a_literal_loop(relevant: np.ndarray, points: int) -> None:
    similarity = -np.arange(relevant.shape[1], dtype=float) * np.ones((len(relevant), 1))
    curves = precision_at_recall(relevant_ranks(order(similarity), relevant), points=points)
    literal = [literal_curve(row, points) for row in relevant.tolist()]
    np.testing.assert_allclose(curves, np.array(literal), atol=1e-12)


def test_a_perfect_ranking_has_precision_one_at_every_recall() -> None:
    places = relevant_ranks(order(np.array([[3.0, 2.0, 1.0]])), np.array([[True, True, False]]))
    assert precision_at_recall(places).tolist() == [[1.0] * 11]


def test_the_mean_curve_leaves_out_queries_without_right_answers() -> None:
    curves = np.array([[1.0, 0.5], [np.nan, np.nan], [0.5, 0.25]])
    assert mean_curve(curves).tolist() == [0.75, 0.375]


def test_levels_run_from_nothing_to_everything() -> None:
    assert recall_levels(101)[[0, 50, 100]].tolist() == pytest.approx([0, 0.5, 1])
