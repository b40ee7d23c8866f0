import pytest

from diptych.data.pairs import DataSet, Pair
from diptych.errors import MissingData

PAIRS = (
    Pair("a", None, ("one",), ("dog",)),
    Pair("b", None, ("two",), ("cat", "dog")),
    Pair("c", None, ("three",)),
)
SET = DataSet("tiny", PAIRS, {"train": (0, 2), "val": (1,), "test": ()})


def test_a_split_is_the_positions_of_its_pairs() -> None:
    assert SET.split("train") == (0, 2)


def test_an_unknown_split_is_answered_with_those_there_are() -> None:
    with pytest.raises(MissingData, match="tiny has no split 'dev'; it has train, val, test"):
        SET.split("dev")


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(MissingData, match="the split 'test' is empty"):
        SET.split("test")


def test_labels_have_a_column_for_each_category_in_order() -> None:
    assert SET.classes == ("cat", "dog")
    assert SET.labels([1, 2, 0]).tolist() == [[True, True], [False, False], [False, True]]


def test_other_splits_leave_the_pairs_and_remember_their_seed() -> None:
    other = SET.with_splits({"train": [2], "test": [0]}, seed=7)
    assert other.pairs is SET.pairs
    assert (other.split("train"), other.split_seed, SET.split_seed) == ((2,), 7, None)
