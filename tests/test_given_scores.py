from typing import Any

import numpy as np
import pytest

from diptych import evaluate_scores
from diptych.errors import BadFeature, BadSetting, ShapeMismatch


def test_similarities_of_ones_own_are_evaluated_in_both_directions() -> None:
    scores = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.0, 0.2, 0.7]])
    evaluation = evaluate_scores(scores)
    told = {row["direction"]: row for row in evaluation.records()}
    # the second picture has its own text second; the second text has its own picture first
    assert told["image to text"]["r@1"] == pytest.approx(2 / 3)
    assert told["image to text"]["map"] == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert told["text to image"]["r@1"] == 1
    assert evaluation.as_dict()["relevant"] == "partner"
    assert "<table>" in evaluation._repr_html_()


def test_items_that_share_a_category_are_relevant_and_texts_take_that_of_their_picture() -> None:
    scores = np.array([[0.9, 0.1, 0.8], [0.5, 0.6, 0.1]])
    evaluation = evaluate_scores(scores, partners=[0, 1, 0], image_categories=["cat", ["dog", "pet"]])
    told = {row["direction"]: row for row in evaluation.records()}
    assert told["image to text"]["map"] == 1
    assert told["text to image"]["map"] == 1
    others = evaluate_scores(
        scores, partners=[0, 1, 0], image_categories=["cat", "dog"], text_categories=["cat", "cat", "dog"]
    )
    # the first picture: texts 0, 2, 1, all relevant (2 is its own); the second: 1 (its own), 0 (not), 2 (a dog)
    assert others.records()[0]["map"] == pytest.approx((1 + (1 + 2 / 3) / 2) / 2)


def test_categories_may_be_numbers_of_numpy_or_missing() -> None:
    scores = np.array([[0.9, 0.8, 0.1], [0.1, 0.9, 0.8], [0.1, 0.2, 0.9]])
    evaluation = evaluate_scores(scores, image_categories=np.array([3, 3, 5]))
    assert evaluation.records()[0]["map"] == pytest.approx((1 + (1 + 2 / 3) / 2 + 1) / 3)
    assert evaluate_scores(scores, image_categories=[3, None, None]).average_map() == 1


@pytest.mark.parametrize(
    ("scores", "options", "error", "sentence"),
    [
        (np.zeros(3), {}, ShapeMismatch, r"shape \(pictures, texts\), at least 1 by 1; got float64 of shape \(3,\)"),
        (np.zeros((0, 3)), {}, ShapeMismatch, r"got float64 of shape \(0, 3\)"),
        ([["a"]], {}, ShapeMismatch, r"similarities must be numbers"),
        ([[np.nan]], {}, BadFeature, r"similarities must be finite"),
        (np.zeros((2, 3)), {}, ShapeMismatch, r"3 texts need `partners`, the row of the picture of each; got 2"),
        (np.zeros((2, 3)), {"partners": [0, 1]}, ShapeMismatch, r"from 0 to 1 for each of 3 texts; got 2 rows"),
        (np.zeros((2, 3)), {"partners": [0, 1, 2]}, ShapeMismatch, r"got 3 rows from 0 to 2"),
        (np.zeros((2, 2)), {"image_categories": ["a"]}, ShapeMismatch, r"2 pictures and 2 texts need as many .* got 1"),
        (np.zeros((2, 2)), {"text_categories": ["a", "b"]}, BadSetting, r"categories of texts alone say nothing"),
        (np.zeros((2, 2)), {"partners": "no"}, BadSetting, r"partners must be a list of int or None; got 'no'"),
    ],
)
def test_what_does_not_fit_is_refused(
    scores: Any, options: dict[str, Any], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        evaluate_scores(scores, **options)
