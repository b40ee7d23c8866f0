"""The scores of a direction, whole and in blocks."""

import json
import tracemalloc
from dataclasses import fields

import numpy as np
import pytest

from diptych.errors import ShapeMismatch
from diptych.measures import judgements
from diptych.measures.direction_scores import Scores, score_direction, score_matrix
from diptych.measures.judgements import Judgements


def pictures_and_texts(generator: np.random.Generator) -> tuple[np.ndarray, Judgements]:
    """Six pictures with two texts each, three categories."""
    owner = np.repeat(np.arange(6), 2)
    labels = np.eye(3, dtype=bool)[np.arange(6) % 3]
    return generator.standard_normal((6, 12)), Judgements(np.arange(6), owner, labels, labels[owner])


def test_scores_are_the_same_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    similarity, judged = pictures_and_texts(np.random.default_rng(0))
    whole = score_matrix(similarity, judged)
    monkeypatch.setattr(judgements, "BLOCK_CELLS", 24)
    asked = []

    def block(start: int, stop: int) -> np.ndarray:
        asked.append((start, stop))
        return similarity[start:stop]

    blockwise = score_direction(block, judged)
    assert asked == [(0, 2), (2, 4), (4, 6)]
    for field in fields(Scores):
        np.testing.assert_allclose(getattr(blockwise, field.name), getattr(whole, field.name))


def test_a_large_gallery_never_becomes_a_whole_matrix() -> None:
    vectors = np.random.default_rng(4).standard_normal((40_000, 4), dtype=np.float32)
    judged = Judgements(np.arange(200), np.arange(40_000))
    tracemalloc.start()
    scores = score_direction(lambda start, stop: vectors[start:stop] @ vectors.T, judged)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(scores) == 200
    # the ranks alone of 200 queries, in one piece, take 64 MB; a block of 25 takes 8
    assert peak < 50_000_000


def test_a_perfect_scorer_gets_the_perfect_summary() -> None:
    _, judged = pictures_and_texts(np.random.default_rng(0))
    similarity = judged.relevant(0, 6) + judged.partners(0, 6).astype(float)
    scores = score_matrix(similarity, judged)
    assert len(scores) == 6
    perfect = {"map": 1, "map@50": 1, "p@10": 0.4, "ndcg@10": 1, "r@1": 1, "r@5": 1, "r@10": 1, "median_rank": 1}
    assert scores.summary() == pytest.approx(perfect)
    assert scores.mean_curve().tolist() == [1] * 101
    assert scores.r_precision.tolist() == scores.ndcg_at_10.tolist() == [1] * 6


def test_the_first_results_are_positions_in_the_gallery() -> None:
    similarity, judged = pictures_and_texts(np.random.default_rng(1))
    scores = score_matrix(similarity, judged)
    assert scores.first.shape == (6, 10)
    assert scores.first[:, 0].tolist() == similarity.argmax(axis=1).tolist()


def test_permuting_the_gallery_changes_no_figure_but_the_positions() -> None:
    similarity, judged = pictures_and_texts(np.random.default_rng(2))
    shuffled = np.random.default_rng(3).permutation(12)
    assert judged.gallery_labels is not None
    moved = Judgements(
        judged.query_owner, judged.gallery_owner[shuffled], judged.query_labels, judged.gallery_labels[shuffled]
    )
    before, after = score_matrix(similarity, judged), score_matrix(similarity[:, shuffled], moved)
    assert before.summary() == after.summary()
    assert shuffled[after.first].tolist() == before.first.tolist()


def test_a_summary_without_any_right_answer_is_null_in_json() -> None:
    judged = Judgements(np.array([0, 1]), np.array([2, 3]))
    summary = score_matrix(np.zeros((2, 2)), judged).summary()
    assert set(summary.values()) == {None}
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_similarities_of_another_shape_are_refused_with_both_shapes() -> None:
    _, judged = pictures_and_texts(np.random.default_rng(0))
    with pytest.raises(ShapeMismatch, match=r"queries 0 to 6 must be \(6, 12\).*got \(6, 6\)"):
        score_matrix(np.zeros((6, 6)), judged)


def test_scoring_no_query_at_all_is_refused() -> None:
    with pytest.raises(ShapeMismatch, match="at least one query to score; got none"):
        score_matrix(np.zeros((0, 3)), Judgements(np.arange(0), np.arange(3)))
