"""The geometric rule."""

import numpy as np

from diptych.fusion.geometric import Rule


def test_a_known_answer() -> None:
    visual, textual = np.array([[0.0, 1.0, 4.0]]), np.array([[20.0, 40.0, 0.0]])
    np.testing.assert_allclose(Rule().fuse(visual, textual, queries="image"), [[0, 0.5, 0]])


def test_a_space_that_says_nothing_silences_the_query_unless_its_weight_is_zero() -> None:
    visual, textual = np.full((1, 3), 0.4), np.array([[0.0, 1.0, 2.0]])
    assert Rule().fuse(visual, textual, queries="image").tolist() == [[0, 0, 0]]
    assert Rule(weight=0.0).fuse(visual, textual, queries="image").tolist() == [[0, 0.5, 1]]
