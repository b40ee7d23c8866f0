"""Partner retrieval with several texts an image."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diptych.measures.partners import median_rank, partner_rank, recall_at
from diptych.measures.ranking import order, relevant_ranks


def test_a_picture_with_several_texts_is_found_by_its_best_placed_one() -> None:
    similarity = np.array([[0.1, 0.9, 0.5, 0.7], [0.9, 0.8, 0.1, 0.2]])
    partners = np.array([[True, False, False, True], [False, False, True, True]])
    rank = partner_rank(relevant_ranks(order(similarity), partners))
    assert rank.tolist() == [2, 3]
    assert [recall_at(rank, k=k) for k in (1, 2, 3)] == [0, 0.5, 1]
    assert median_rank(rank) == 2.5


@given(
    arrays(np.float32, (4, 6), elements=st.sampled_from([-1.0, 0.0, 0.5, 1.0])),
    arrays(bool, (4, 6)),
    st.integers(1, 7),
)
def test_ranks_and_recalls_equal_literal_loops(similarity: np.ndarray, partners: np.ndarray, k: int) -> None:
    rank = partner_rank(relevant_ranks(order(similarity), partners))
    literal = []
    for row, right in zip(similarity.tolist(), partners.tolist(), strict=True):
        columns = sorted(range(6), key=lambda column: (-row[column], column))
        literal.append(next((place for place, column in enumerate(columns, start=1) if right[column]), float("nan")))
    np.testing.assert_array_equal(rank, literal)
    judged = [place for place in literal if place == place]
    if judged:
        assert recall_at(rank, k=k) == pytest.approx(sum(place <= k for place in judged) / len(judged))
        assert median_rank(rank) == np.median(judged)


def test_without_any_partner_recall_and_median_rank_are_nan() -> None:
    rank = np.full(3, np.nan)
    assert np.isnan([recall_at(rank, k=5), median_rank(rank)]).all()
