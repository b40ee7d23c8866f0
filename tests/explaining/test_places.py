"""Boxes of regions, spans of words, and fragments spread over what they cover."""

import numpy as np
import pytest
import torch

from diptych.errors import BadSetting, ShapeMismatch
from diptych.explaining.places import Box, grid_boxes, over_parts, sums_over_words, words_of_pieces
from diptych.maths.recurrence import Fragments


@pytest.mark.parametrize(("width", "height"), [(70, 70), (641, 97), (1, 1)])
def test_the_boxes_of_a_grid_tile_the_picture(width: int, height: int) -> None:
    boxes = grid_boxes(width, height, count=49)
    assert boxes[0] == Box(0.0, 0.0, boxes[1].left, boxes[7].top)
    assert (boxes[-1].right, boxes[-1].bottom) == (width, height)
    assert sum((box.right - box.left) * (box.bottom - box.top) for box in boxes) == pytest.approx(width * height)
    assert boxes[8].left == pytest.approx(width / 7)
    assert boxes[8].top == pytest.approx(height / 7)


@pytest.mark.parametrize("count", [0, 48])
def test_regions_without_a_square_grid_are_refused(count: int) -> None:
    with pytest.raises(ShapeMismatch, match=f"form a square grid .* got {count} regions"):
        grid_boxes(10, 10, count=count)


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(BadSetting, match="at least 1 pixel wide and high; got 0 x 5"):
        grid_boxes(0, 5, count=4)


def test_pieces_are_joined_to_words_and_punctuation_stands_alone() -> None:
    text = "Unbelievably, a cat's nap."
    pieces = [(0, 2), (2, 12), (12, 13), (14, 15), (16, 19), (19, 20), (20, 21), (22, 25), (25, 26)]
    spans, owner = words_of_pieces(text, pieces)
    assert [text[start:stop] for start, stop in spans] == ["Unbelievably", ",", "a", "cat", "'", "s", "nap", "."]
    assert owner.tolist() == [0, 0, 1, 2, 3, 4, 5, 6, 7]


def test_a_text_without_pieces_has_no_words() -> None:
    spans, owner = words_of_pieces("", [])
    assert spans == ()
    assert owner.shape == (0,)


def test_a_word_has_what_its_pieces_have() -> None:
    assert sums_over_words(np.array([1.0, 2.0, 4.0]), np.array([0, 0, 1])).tolist() == [3, 4]


@pytest.mark.parametrize("count", [1, 6, 7, 25])
def test_fragments_weights_keep_their_sum_over_as_many_parts_as_the_network_pools(count: int) -> None:
    stack = Fragments(4, ((5, 3, 3), (6, 3, 2))).eval()
    _, mask = stack(torch.zeros(1, count, 4), torch.ones(1, count, dtype=torch.bool))
    weights = np.random.default_rng(count).dirichlet(np.ones(mask.shape[1]))
    spread = over_parts(weights, (3, 2), count=count)
    assert spread.shape == (count,)
    assert spread.sum() == pytest.approx(1)
    assert spread[:6].sum() == pytest.approx(weights[0])


def test_weights_for_another_number_of_parts_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="7 parts make 2 fragments; got 3 weights"):
        over_parts(np.ones(3), (3, 2), count=7)
