"""Choosing a weight on validation similarities."""

import numpy as np
import pytest

from diptych.errors import BadFeature, UnknownName
from diptych.fusion import linear, product, released
from diptych.fusion.choosing import GRID, choose_rule, fuse_both


def share_of_partners_first(image_to_text: np.ndarray, text_to_image: np.ndarray) -> float:
    partners = np.arange(len(image_to_text))
    return float(((image_to_text.argmax(1) == partners).mean() + (text_to_image.argmax(1) == partners).mean()) / 2)


def test_a_space_that_knows_the_answers_gets_the_weight() -> None:
    generator = np.random.default_rng(0)
    knowing, guessing = np.eye(30) + 0.1 * generator.random((30, 30)), generator.random((30, 30))
    by_visual = choose_rule("linear", knowing, guessing, score=share_of_partners_first)
    by_textual = choose_rule("linear", guessing, knowing, score=share_of_partners_first)
    assert isinstance(by_visual, linear.Rule)
    assert isinstance(by_textual, linear.Rule)
    assert by_visual.weight >= 0.5 >= by_textual.weight


def test_among_equally_good_weights_the_middle_one_is_taken() -> None:
    similarity = np.random.default_rng(1).random((4, 4))
    rule = choose_rule("released", similarity, similarity, score=lambda *_: 1.0)
    assert rule == released.Rule(weight=0.5)


def test_the_best_of_the_grid_is_found_wherever_it_lies() -> None:
    similarity = np.random.default_rng(2).random((4, 4))
    rules = iter(sorted(GRID, key=lambda weight: abs(weight - 0.5)))
    rule = choose_rule("zscore", similarity, similarity, score=lambda *_: -abs(next(rules) - 0.85))
    assert rule == type(rule)(weight=0.85)  # type: ignore[call-arg]


def test_both_directions_reach_the_score_with_queries_in_rows() -> None:
    visual, textual = np.random.default_rng(3).random((2, 4, 5))
    seen = []

    def score(image_to_text: np.ndarray, text_to_image: np.ndarray) -> float:
        seen.append((image_to_text.shape, text_to_image.shape))
        return 0.0

    choose_rule("linear", visual, textual, score=score, grid=[0.25])
    assert seen == [((4, 5), (5, 4))]
    image_to_text, text_to_image = fuse_both(released.Rule(), visual, textual)
    np.testing.assert_allclose(image_to_text.T, text_to_image)


def test_a_rule_without_a_weight_is_returned_unjudged() -> None:
    def never(image_to_text: np.ndarray, text_to_image: np.ndarray) -> float:
        raise AssertionError("nothing is to be chosen")

    assert choose_rule("product", np.eye(2), np.eye(2), score=never) == product.Rule()


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(BadFeature, match="must have finite scores to choose a weight of 'linear'; got nan"):
        choose_rule("linear", np.eye(2), np.eye(2), score=lambda *_: float("nan"))


def test_a_misspelt_rule_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"fusion has no entry 'liner'. Did you mean 'linear'\?"):
        choose_rule("liner", np.eye(2), np.eye(2), score=share_of_partners_first)
