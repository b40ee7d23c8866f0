"""One item as a sequence of parts: together they are the item as the method takes it in."""

import numpy as np
import pytest
import torch

from diptych.data.features import Encoded, Features, Parts
from diptych.explaining.sides import NOWHERE, Places, Traced, places_of_regions, places_of_words
from diptych.methods.cca import CCA, PRESETS

from .encoders import Letters, Quarters, encoded_by


def encoded(whole: list[float], parts: list[list[float]] | None) -> Encoded:
    sequences = None if parts is None else Parts.of([np.array(parts, dtype=np.float32)])
    return Encoded(np.array([whole], dtype=np.float32), sequences)


@pytest.fixture
def method() -> CCA:
    random = np.random.default_rng(0)
    items = Encoded(random.random((9, 3)).astype(np.float32), None)
    pairs = Features(items, items, np.arange(9), None, tuple(map(str, range(9))))
    return CCA.fitted(PRESETS["default"], pairs)


def test_what_the_parts_bring_sums_to_the_scaled_whole(method: CCA) -> None:
    item = encoded([2.0, 0.0, 1.0], [[1.0, 0.0, 2.0], [3.0, 0.0, 0.5]])
    traced = Traced.of(method, "image", item, sums_parts=True)
    assert traced.follows
    torch.testing.assert_close(traced.side(traced.values[None]).whole, traced.scaled.whole)


def test_a_part_brings_more_where_it_has_more_of_the_whole(method: CCA) -> None:
    traced = Traced.of(method, "image", encoded([1.0, 1.0, 1.0], [[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]]), sums_parts=True)
    more = traced.values[0] - traced.values[1]
    assert more[0] > 0
    assert more[1] == pytest.approx(0, abs=1e-6)
    assert more[2] < 0


@pytest.mark.parametrize(
    ("parts", "sums_parts"),
    [(None, True), ([[1.0, 2.0, 3.0]], False), ([[0.0, 0.0, 0.0]], True), ([[1.0, 2.0]], True)],
    ids=["no parts", "not told", "a part of zeros", "another width"],
)
def test_a_whole_that_does_not_follow_is_held(
    method: CCA, parts: list[list[float]] | None, *, sums_parts: bool
) -> None:
    traced = Traced.of(method, "text", encoded([1.0, 2.0, 3.0], parts), sums_parts=sums_parts)
    assert not traced.follows
    anything = torch.zeros(5, *traced.values.shape)
    assert torch.equal(traced.side(anything).whole, traced.scaled.whole.expand(5, -1))


def test_words_of_several_texts_stand_in_the_joined_one_and_special_tokens_nowhere() -> None:
    texts = ["two cats", "a dog"]
    vectors = [encoded_by(Letters(), [text]).parts for text in texts]
    together = Encoded(np.zeros((1, 4), np.float32), Parts.of([np.concatenate([p.sequence(0) for p in vectors if p])]))
    places = places_of_words(together, Letters(), texts)
    assert [(word.text, word.start) for word in places.words] == [("two", 0), ("cats", 4), ("a", 9), ("dog", 11)]
    assert places.owner is not None
    assert places.owner.tolist() == [NOWHERE, 0, 1, NOWHERE, NOWHERE, 2, 3, NOWHERE]
    assert places.gathered(np.arange(8.0)).tolist() == [1, 2, 5, 6]


def test_an_encoder_that_names_other_parts_than_it_reads_is_not_trusted() -> None:
    class Forgetful(Letters):
        def spans(self, text: str) -> tuple[tuple[int, int] | None, ...]:
            return ((0, 3),)

    places = places_of_words(encoded_by(Forgetful(), ["two cats"]), Forgetful(), ["two cats"])
    assert places.reason == "letters read other parts than it names in this text."
    assert places.gathered(np.ones(4)).size == 0


def test_without_parts_there_are_no_places() -> None:
    bare = encoded([1.0], None)
    assert places_of_regions(bare, Quarters(), width=3, height=3) == Places(reason="quarters gives no regions.")
    assert places_of_words(bare, Letters(), ["a"]) == Places(reason="letters gives no words.")
