"""The vectorised measures against literal loops, trec_eval's figures and known answers."""

from collections.abc import Iterator
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from diptych.errors import BadFeature
from diptych.measures.ranking import (
    RelevantRanks,
    average_precision,
    mean_over_judged,
    ndcg,
    order,
    precision,
    r_precision,
    relevant_ranks,
)


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Few distinct similarities, so that ties are common; negative ones and both zeros among them."""
    shape = (draw(st.integers(1, 5)), draw(st.integers(1, 12)))
    kind = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    similarity = draw(arrays(kind, shape, elements=st.sampled_from([-2.5, -1.0, -0.0, 0.0, 0.25, 3.0])))
    return similarity, draw(arrays(bool, shape))


def found_in(similarity: np.ndarray, relevant: np.ndarray) -> RelevantRanks:
    return relevant_ranks(order(similarity), relevant)


def literal_order(similarity: np.ndarray) -> Iterator[list[int]]:
    for row in similarity.tolist():
        yield sorted(range(len(row)), key=lambda column: (-row[column], column))


def literal_hits(similarity: np.ndarray, relevant: np.ndarray) -> Iterator[list[bool]]:
    for columns, row in zip(literal_order(similarity), relevant.tolist(), strict=True):
        yield [row[column] for column in columns]


def literal_average_precision(hits: list[bool], k: int | None = None) -> float:
    if not any(hits):
        return float("nan")
    right, total = 0, 0.0
    for place, hit in enumerate(hits[:k], start=1):
        if hit:
            right += 1
            total += right / place
    return total / min(sum(hits), k or sum(hits))


def literal_ndcg(hits: list[bool], k: int) -> float:
    gain = sum(hit / log2(place + 1) for place, hit in enumerate(hits[:k], start=1))
    ideal = sum(1 / log2(place + 1) for place in range(1, min(k, sum(hits)) + 1))
    return gain / ideal if ideal else float("nan")


@given(rankings())
def test_the_order_is_that_of_a_stable_sort_in_every_precision(ranking: tuple[np.ndarray, np.ndarray]) -> None:
    similarity, _ = ranking
    assert order(similarity).tolist() == list(literal_order(similarity))


@given(arrays(np.float32, (2, 9), elements=st.floats(width=32, allow_nan=False)))
def test_any_single_precision_numbers_are_ordered_as_a_stable_sort_does(similarity: np.ndarray) -> None:
    assert order(similarity).tolist() == list(literal_order(similarity))


@given(rankings(), st.integers(1, 14))
def test_average_precision_equals_a_literal_loop(ranking: tuple[np.ndarray, np.ndarray], k: int) -> None:
    hits = list(literal_hits(*ranking))
    np.testing.assert_allclose(average_precision(found_in(*ranking)), [literal_average_precision(row) for row in hits])
    np.testing.assert_allclose(
        average_precision(found_in(*ranking), k=k), [literal_average_precision(row, k) for row in hits]
    )


@given(rankings(), st.integers(1, 14))
def test_precision_and_gain_equal_literal_loops(ranking: tuple[np.ndarray, np.ndarray], k: int) -> None:
    hits = list(literal_hits(*ranking))
    nan = float("nan")
    np.testing.assert_allclose(ndcg(found_in(*ranking), k=k), [literal_ndcg(row, k) for row in hits])
    np.testing.assert_allclose(
        precision(found_in(*ranking), k=k), [sum(row[:k]) / k if any(row) else nan for row in hits]
    )
    np.testing.assert_allclose(
        r_precision(found_in(*ranking)), [sum(row[: sum(row)]) / sum(row) if any(row) else nan for row in hits]
    )


def test_every_measure_agrees_with_trec_eval() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    generator = np.random.default_rng(7)
    # one decimal makes many ties; half of the similarities are negative
    similarity = generator.standard_normal((12, 80)).round(1)
    relevant = generator.random((12, 80)) < 0.15
    relevant[:, 0] = True
    # trec_eval breaks ties by falling document name, so that these names fall along the gallery
    names = [f"d{80 - column:03}" for column in range(80)]
    judged = [ir_measures.Qrel(str(q), names[g], int(relevant[q, g])) for q, g in np.ndindex(relevant.shape)]
    ranked = [ir_measures.ScoredDoc(str(q), names[g], float(similarity[q, g])) for q, g in np.ndindex(similarity.shape)]
    places = found_in(similarity, relevant)
    ours = {
        "AP": average_precision(places),
        "P@10": precision(places, k=10),
        "nDCG@10": ndcg(places, k=10),
        "Rprec": r_precision(places),
        "AP@50": average_precision(places, k=50) * np.minimum(places.relevant, 50) / places.relevant,
    }
    measures = [ir_measures.parse_measure(name) for name in ours]
    theirs = list(ir_measures.pytrec_eval.iter_calc(measures, judged, ranked))
    assert len(theirs) == 12 * len(ours)
    for figure in theirs:
        assert ours[str(figure.measure)][int(figure.query_id)] == pytest.approx(figure.value, abs=1e-9)


def test_a_right_answer_with_a_negative_similarity_counts() -> None:
    similarity = np.array([[-0.1, -0.2, -0.9, 0.4]])
    relevant = np.array([[True, False, True, False]])
    assert average_precision(found_in(similarity, relevant)).tolist() == pytest.approx([(1 / 2 + 2 / 4) / 2])


def test_equal_similarities_keep_the_order_of_the_gallery() -> None:
    assert order(np.zeros((2, 4))).tolist() == [[0, 1, 2, 3]] * 2
    assert order(np.array([[0.0, -0.0, 0.0]], dtype=np.float32)).tolist() == [[0, 1, 2]]


def test_an_item_of_similarity_minus_infinity_comes_last() -> None:
    assert order(np.array([[-np.inf, -1e30, np.inf]], dtype=np.float32)).tolist() == [[2, 1, 0]]


def test_a_ranking_that_begins_with_right_answers_has_average_precision_one_at_any_depth() -> None:
    places = found_in(np.array([[3.0, 2.0, 1.0, 0.0]]), np.array([[True, True, True, False]]))
    assert [average_precision(places, k=k).item() for k in (1, 2, 3, 4)] == [1, 1, 1, 1]


def test_a_query_without_a_right_answer_is_nan_and_left_out_of_the_mean() -> None:
    similarity = np.array([[2.0, 1.0], [2.0, 1.0]])
    relevant = np.array([[False, False], [False, True]])
    assert np.isnan(average_precision(found_in(similarity, relevant))).tolist() == [True, False]
    assert mean_over_judged(average_precision(found_in(similarity, relevant))) == 0.5
    assert np.isnan(mean_over_judged(np.array([np.nan])))


def test_a_similarity_that_is_not_a_number_is_refused_with_its_query() -> None:
    similarity = np.zeros((3, 2))
    similarity[1, 0] = np.nan
    with pytest.raises(BadFeature, match="1 of 3 queries have NaN, the first is number 1 of its block"):
        order(similarity)
