"""Which items answer which queries."""

import numpy as np
import pytest

from diptych.errors import ShapeMismatch
from diptych.measures import judgements
from diptych.measures.judgements import Judgements


def two_pictures_three_texts() -> Judgements:
    return Judgements(
        query_owner=np.array([0, 1]),
        gallery_owner=np.array([0, 1, 1]),
        query_labels=np.array([[True, False, False], [True, True, False]]),
        gallery_labels=np.array([[False, True, False], [True, False, False], [False, False, True]]),
    )


def test_items_that_share_a_category_are_relevant_and_so_are_partners_that_share_none() -> None:
    judged = two_pictures_three_texts()
    assert judged.partners(0, 2).tolist() == [[True, False, False], [False, True, True]]
    assert judged.relevant(0, 2).tolist() == [[True, True, False], [True, True, True]]


def test_without_categories_the_partners_are_relevant() -> None:
    judged = Judgements(np.array([0, 1]), np.array([1, 0, 1]))
    assert (
        judged.relevant(0, 2).tolist() == judged.partners(0, 2).tolist() == [[False, True, False], [True, False, True]]
    )


def test_the_other_direction_is_the_transpose() -> None:
    judged = two_pictures_three_texts()
    assert judged.reversed().relevant(0, 3).tolist() == judged.relevant(0, 2).T.tolist()
    assert (judged.reversed().queries, judged.reversed().gallery) == (3, 2)


def test_spans_cover_every_query_once_within_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judgements, "BLOCK_CELLS", 30)
    assert list(Judgements(np.arange(7), np.arange(10)).spans()) == [(0, 3), (3, 6), (6, 7)]
    assert list(Judgements(np.arange(2), np.arange(100)).spans()) == [(0, 1), (1, 2)]


def test_categories_on_one_side_only_are_refused() -> None:
    with pytest.raises(ShapeMismatch, match="both have categories, or neither"):
        Judgements(np.arange(2), np.arange(2), query_labels=np.ones((2, 1), dtype=bool))
