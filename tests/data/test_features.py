import numpy as np
import pytest

from diptych.data.features import Encoded, Features, Parts
from diptych.errors import BadFeature, ShapeMismatch

RNG = np.random.default_rng(0)


def rows(count: int) -> np.ndarray:
    return RNG.normal(size=(count, 4)).astype(np.float32)


@pytest.fixture
def three() -> list[np.ndarray]:
    """Return the sequences of three items, of 2, 5 and 1 parts."""
    return [rows(2), rows(5), rows(1)]


def whole(count: int) -> np.ndarray:
    return RNG.normal(size=(count, 3)).astype(np.float32)


@pytest.mark.parametrize("count", [2, 1024, 2050])
def test_items_that_are_all_the_same_are_refused_in_a_sentence(count: int) -> None:
    equal = np.tile(rows(1), (count, 1))
    with pytest.raises(BadFeature) as refusal:
        Encoded(equal).check_varied("texts")
    assert str(refusal.value) == (
        f"all {count:,} training texts are the same, or their encoder sees no difference, so nothing can be learned "
        "from them. Train on pairs whose texts differ."
    )
    equal[-1, 3] += 1
    Encoded(equal).check_varied("texts")


def test_one_item_and_none_are_not_the_same_as_others() -> None:
    Encoded(rows(1)).check_varied("texts")
    Encoded(rows(0)).check_varied("texts")


def test_a_padded_batch_holds_each_sequence_then_zeros_and_says_which_is_which(three: list[np.ndarray]) -> None:
    values, mask = Parts.of(three).padded([2, 1])
    assert values.shape == (2, 5, 4)
    np.testing.assert_array_equal(values[0, :1], three[2])
    np.testing.assert_array_equal(values[0, 1:], 0)
    np.testing.assert_array_equal(values[1], three[1])
    assert mask.tolist() == [[True, False, False, False, False], [True] * 5]


def test_sequences_longer_than_the_limit_lose_their_end(three: list[np.ndarray]) -> None:
    values, mask = Parts.of(three).padded([1], limit=3)
    np.testing.assert_array_equal(values[0], three[1][:3])
    assert mask.all()


def test_items_without_any_part_leave_one_masked_place() -> None:
    values, mask = Parts.of([np.zeros((0, 4), dtype=np.float32)]).padded([0])
    assert values.shape == (1, 1, 4)
    assert not mask.any()


def test_no_items_make_an_empty_batch(three: list[np.ndarray]) -> None:
    assert Parts.of(three).padded([])[0].shape == (0, 1, 4)


def test_an_item_of_several_spans_is_their_rows_in_order() -> None:
    first, second = rows(6), rows(3)
    spans = np.array([[0, 1, 3], [1, 0, 2], [0, 4, 6]])
    parts = Parts((first, second), spans, np.array([0, 2, 3]))
    np.testing.assert_array_equal(parts.sequence(0), np.concatenate([first[1:3], second[:2]]))
    np.testing.assert_array_equal(parts.sequence(1), first[4:6])
    assert parts.lengths.tolist() == [4, 2]


def test_taking_items_keeps_their_sequences_and_copies_no_rows(three: list[np.ndarray]) -> None:
    parts = Parts.of(three)
    taken = parts.take([2, 0, 2])
    assert taken.blocks is parts.blocks
    assert taken.lengths.tolist() == [1, 2, 1]
    np.testing.assert_array_equal(taken.sequence(1), three[0])
    assert len(parts.take([])) == 0


def test_parts_and_wholes_must_describe_as_many_items(three: list[np.ndarray]) -> None:
    with pytest.raises(ShapeMismatch, match="as many items as whole; got 3 and 2"):
        Encoded(whole(2), Parts.of(three))


def test_taking_encoded_items_takes_wholes_and_parts_alike(three: list[np.ndarray]) -> None:
    encoded = Encoded(whole(3), Parts.of(three))
    taken = encoded.take([1])
    np.testing.assert_array_equal(taken.whole, encoded.whole[[1]])
    assert taken.parts is not None
    np.testing.assert_array_equal(taken.parts.sequence(0), three[1])
    assert Encoded(whole(3)).take([0]).parts is None


def test_a_nan_feature_is_refused_with_its_place() -> None:
    images = whole(3)
    images[1, 2] = np.nan
    with pytest.raises(BadFeature, match="image features must be finite; 1 of 3 items are not, the first is number 1"):
        Features(Encoded(images), Encoded(whole(3)), np.arange(3), None, ("a", "b", "c"))


def test_every_text_needs_an_owner() -> None:
    with pytest.raises(ShapeMismatch, match="got 3 texts, 2 owners, 2 pictures, 2 ids"):
        Features(Encoded(whole(2)), Encoded(whole(3)), np.arange(2), None, ("a", "b"))


def test_texts_have_the_categories_of_their_pictures() -> None:
    labels = np.array([[True, False], [False, True]])
    features = Features(Encoded(whole(2)), Encoded(whole(3)), np.array([1, 0, 1]), labels, ("a", "b"))
    assert features.text_labels is not None
    assert features.text_labels.tolist() == [[False, True], [True, False], [False, True]]
    assert Features(Encoded(whole(1)), Encoded(whole(1)), np.arange(1), None, ("a",)).text_labels is None
