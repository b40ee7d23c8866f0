"""Texts ranked by words, in the stores that can; the others say so."""

from dataclasses import replace

import numpy as np
import pytest

from diptych.errors import BadSetting
from diptych.index.conditions import Comparison
from diptych.index.contract import Layout, Store, Table
from diptych.index.items import ItemVectors

from .samples import items_of

RANKING = ("lance", "postgresql")
SMALL = Layout({"image": 4})
TEXTS = {
    "cat": ("a black cat on a mat", "it sleeps"),
    "cats": ("two cats and a dog",),
    "dog": ("a dog runs",),
    "red": ("red red red",),
    "none": (),
    "sideless": ("a black cat",),
}


def filled(store: Store, name: str = "items") -> Table:
    """Return a table of the texts; `sideless` has no picture, all but `dog` and `none` have the category cat."""
    table = store.create_table(name, SMALL)
    table.widen({"category": "text"})
    items = items_of(list(TEXTS), seed=1, layout=SMALL, columns={})
    vectors = ItemVectors(np.ones((len(TEXTS), 4), np.float32), np.array([each != "sideless" for each in TEXTS]))
    kinds = tuple({"category": "dog" if each in ("dog", "none") else "cat"} for each in TEXTS)
    table.write(replace(items, texts=tuple(TEXTS.values()), metadata=kinds, vectors={"image": vectors}))
    return table


def test_items_with_more_of_the_words_come_first_and_those_with_none_not_at_all(kind: str, store: Store) -> None:
    table = filled(store)
    if kind not in RANKING:
        with pytest.raises(
            BadSetting, match=r"this store cannot rank texts by their words; a folder and PostgreSQL can"
        ):
            table.matching("a black cat", "image", k=10)
        return
    assert table.matching("a black cat", "image", k=10) == ["cat", "cats"]
    assert table.matching("a black cat", "image", k=1) == ["cat"]
    assert set(table.matching("dogs, or a mat?", "image", k=10)) == {"cat", "cats", "dog"}


def test_words_are_compared_by_their_stems_and_only_among_items_that_meet_a_condition(kind: str, store: Store) -> None:
    if kind not in RANKING:
        pytest.skip("this store does not rank by words")
    table = filled(store)
    assert set(table.matching("running DOGS", "image", k=10)) == {"cats", "dog"}
    assert table.matching("dog", "image", k=10, where=Comparison("category", "=", "cat")) == ["cats"]
    assert table.matching("dog", "image", k=10, where=Comparison("category", "=", "bird")) == []


@pytest.mark.parametrize(
    "words", ["", "zebra", "!?", "the and of", 'a "quote', "it's & | ! ( : *", "red) OR (cat", "\\"]
)
def test_no_words_and_signs_of_query_languages_are_no_fault(words: str, kind: str, store: Store) -> None:
    if kind not in RANKING:
        pytest.skip("this store does not rank by words")
    found = filled(store).matching(words, "image", k=10)
    assert set(found) <= ({"red", "cat", "cats"} if "red" in words else set())


def test_what_is_written_and_removed_counts_at_once_whatever_index_there_is(kind: str, store: Store) -> None:
    if kind not in RANKING:
        pytest.skip("this store does not rank by words")
    table = filled(store)
    table.compact()
    items = items_of(["late", "dog"], seed=2, layout=SMALL, columns={})
    vectors = ItemVectors(np.ones((2, 4), np.float32), np.ones(2, bool))
    table.write(replace(items, texts=(("a late dog",), ("a bird",)), metadata=({}, {}), vectors={"image": vectors}))
    table.remove(["cats"])
    assert table.matching("dog", "image", k=10) == ["late"]
    assert table.matching("bird", "image", k=10) == ["dog"]


def test_lance_builds_its_index_of_words_once_and_keeps_it(kind: str, store: Store) -> None:
    if kind != "lance":
        pytest.skip("an index of Lance")
    table = filled(store)
    before = table.version()
    assert table.matching("cat", "image", k=1)
    built = table.version()
    assert built != before
    assert table.matching("dog", "image", k=1)
    assert table.version() == built
    table.compact()
    assert table.matching("black cats", "image", k=2) == ["cat", "cats"]
