import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.data.pairs import DataSet, Pair
from diptych.data.splitting import resplit, stratified_split
from diptych.errors import BadSetting

CLASSES = st.lists(st.sampled_from("abcde"), max_size=80)


def test_fifty_a_class_split_exactly_forty_five_five():
    names = [f"class {k}" for k in range(20)] * 50
    splits = stratified_split([[name] for name in names], seed=3)
    for split, size in (("train", 40), ("val", 5), ("test", 5)):
        counts = [[names[row] for row in splits[split]].count(name) for name in set(names)]
        assert counts == [size] * 20


@given(CLASSES, st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_every_item_is_in_one_split_and_every_class_of_three_in_each(names, seed):
    splits = stratified_split([[name] for name in names], seed=seed)
    assert sorted(row for rows in splits.values() for row in rows) == list(range(len(names)))
    for name in set(names):
        held = {split: sum(names[row] == name for row in rows) for split, rows in splits.items()}
        assert held["train"] >= 1
        assert names.count(name) < 3 or min(held.values()) >= 1


@given(st.integers(3, 40), st.tuples(*[st.floats(0.01, 1)] * 3))
@settings(max_examples=60, deadline=None)
def test_train_is_never_empty_whatever_the_shares(size, shares):
    fractions = tuple(share / sum(shares) for share in shares)
    splits = stratified_split([()] * size, seed=0, fractions=fractions)
    assert min(len(rows) for rows in splits.values()) >= 1


def test_the_same_seed_draws_the_same_split_and_another_another():
    items = [["a"]] * 40 + [["b"]] * 40
    assert stratified_split(items, seed=1) == stratified_split(items, seed=1)
    assert stratified_split(items, seed=1) != stratified_split(items, seed=2)


def test_without_categories_the_shares_hold_over_all():
    splits = stratified_split([()] * 100, seed=0)
    assert [len(rows) for rows in splits.values()] == [80, 10, 10]


def test_an_item_of_several_categories_counts_under_its_rarest():
    items = [["common"]] * 97 + [["common", "rare"]] * 3
    splits = stratified_split(items, seed=0)
    assert all(any("rare" in items[row] for row in rows) for rows in splits.values())


def test_a_share_of_zero_gets_nothing():
    assert stratified_split([["a"]] * 10, seed=0, fractions=(0.9, 0.1, 0.0))["test"] == ()


def test_resplitting_keeps_the_pairs_and_notes_the_seed():
    dataset = DataSet("mine", tuple(Pair(str(k), None, ("a",), ("c",)) for k in range(50)), {"train": (0,)})
    drawn = resplit(dataset, 4)
    assert drawn.pairs == dataset.pairs
    assert drawn.split_seed == 4
    assert [len(drawn.splits[name]) for name in ("train", "val", "test")] == [40, 5, 5]


def test_a_negative_seed_is_refused():
    with pytest.raises(BadSetting, match=r"the seed of a split must not be negative; got -1"):
        stratified_split([["a"]], seed=-1)
