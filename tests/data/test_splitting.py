from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from diptych.data.checking import check
from diptych.data.pairs import DataSet, Pair
from diptych.data.splitting import resplit, stratified_split, with_validation
from diptych.errors import BadSetting, MissingData

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
        assert held["train"] >= 1 or max(map(names.count, names)) < 3
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
    dataset = DataSet("mine", tuple(Pair(str(k), None, (f"{k}",), ("c",)) for k in range(50)), {"train": (0,)})
    drawn = resplit(dataset, 4)
    assert drawn.pairs == dataset.pairs
    assert drawn.split_seed == 4
    assert [len(drawn.splits[name]) for name in ("train", "val", "test")] == [40, 5, 5]


def official(*, twins: int = 0, val: int = 0) -> DataSet:
    """Return 100 training pairs in two classes, the first `twins` of which share a text, and 10 test pairs."""
    texts = ["the same" if k < twins else f"text {k}" for k in range(110 + val)]
    pairs = tuple(Pair(str(k), None, (text,), (("a", "b")[k % 2],)) for k, text in enumerate(texts))
    splits = {"train": range(100), "val": range(110, 110 + val), "test": range(100, 110)}
    return DataSet("mine", pairs, {}).with_splits(splits, seed=None)


def test_a_tenth_of_training_becomes_the_missing_validation_split_class_by_class():
    drawn = with_validation(official())
    assert drawn.held_out == len(drawn.splits["val"]) == 10
    assert sorted([*drawn.splits["train"], *drawn.splits["val"]]) == list(range(100))
    assert sum(row % 2 for row in drawn.splits["val"]) == 5
    assert drawn.splits["test"] == tuple(range(100, 110))
    assert with_validation(official()) == drawn
    assert resplit(drawn, 1).held_out == 0


def test_what_is_held_out_shares_no_text_with_training():
    drawn = with_validation(official(twins=60))
    assert len(drawn.splits["val"]) == 10
    assert min(drawn.splits["val"]) >= 60


def test_data_with_validation_pairs_or_without_test_pairs_keep_their_splits():
    whole, alone = official(val=3), official().with_splits({"train": range(100), "val": (), "test": ()}, seed=None)
    assert with_validation(whole) is whole
    assert with_validation(alone) is alone


def test_a_negative_seed_is_refused():
    with pytest.raises(BadSetting, match=r"the seed of a split must not be negative; got -1"):
        stratified_split([["a"]], seed=-1)


def pictured(folder: Path, count: int) -> list[Pair]:
    """Return pairs in two categories with pictures of noise and a text each."""
    draw, pairs = np.random.default_rng(0), []
    for k in range(count):
        small = Image.fromarray(draw.integers(0, 255, (6, 6, 3), dtype=np.uint8))
        small.resize((90, 60), Image.Resampling.BICUBIC).save(folder / f"{k}.png")
        pairs.append(Pair(str(k), folder / f"{k}.png", (f"text {k}",), (("a", "b")[k % 2],)))
    return pairs


def split_names(dataset: DataSet) -> dict[str, str]:
    return {dataset.pairs[row].id: name for name, rows in dataset.splits.items() for row in rows}


def test_pairs_that_share_a_picture_a_near_identical_one_or_a_text_land_in_one_split(tmp_path: Path) -> None:
    pairs = pictured(tmp_path, 100)
    for k in range(20):
        with Image.open(tmp_path / f"{k}.png") as image:
            image.resize((200, 133)).save(tmp_path / f"copy {k}.jpg", quality=70)
        pairs.append(Pair(f"near {k}", tmp_path / f"copy {k}.jpg", (f"about {k}",), ("a",)))
        pairs.append(Pair(f"same {k}", tmp_path / f"{k + 20}.png", (f"on {k}",), ("a",)))
        pairs.append(Pair(f"said {k}", None, (f" TEXT  {k + 40} ",), ("b",)))
    dataset = DataSet("mine", tuple(pairs), {})
    for seed in range(5):
        drawn = resplit(dataset, seed)
        names = split_names(drawn)
        for k in range(20):
            assert names[str(k)] == names[f"near {k}"]
            assert names[str(k + 20)] == names[f"same {k}"]
            assert names[str(k + 40)] == names[f"said {k}"]
        assert sorted(row for rows in drawn.splits.values() for row in rows) == list(range(160))
        assert [len(drawn.splits[name]) for name in ("val", "test")] == pytest.approx([16, 16], abs=2)
        assert not [finding for finding in check(drawn) if "two splits" in finding.kind]
        assert drawn.torn == 0


def test_pairs_that_belong_together_through_a_third_land_in_one_split() -> None:
    ends = {"left": ("l{}",), "middle": ("l{}", "r{}"), "right": ("r{}",)}
    chains = [
        Pair(f"{k} {end}", None, tuple(text.format(k) for text in texts), ())
        for k in range(30)
        for end, texts in ends.items()
    ]
    names = split_names(resplit(DataSet("mine", tuple(chains), {}), 1))
    assert all(len({names[f"{k} {end}"] for end in ("left", "middle", "right")}) == 1 for k in range(30))


def test_without_duplicates_the_split_is_the_one_drawn_item_by_item(tmp_path: Path) -> None:
    pairs = pictured(tmp_path, 60)
    dataset = resplit(DataSet("mine", tuple(pairs), {}), 3)
    assert dataset.splits == stratified_split([pair.categories for pair in pairs], seed=3)


def test_texts_that_name_categories_bind_no_pairs_and_the_count_of_torn_ones_is_told() -> None:
    pairs = tuple(Pair(str(k), None, ("a cat" if k % 2 else "a dog",), ()) for k in range(50))
    drawn = resplit(DataSet("mine", pairs, {}), 0)
    assert {name: len(rows) for name, rows in drawn.splits.items()} == {"train": 40, "val": 5, "test": 5}
    assert drawn.torn == 50
    assert drawn.split_notes == ["50 pairs share a text with another split: texts recur too often to avoid it"]
    assert drawn.with_splits(drawn.splits, seed=None).torn == 0


@pytest.mark.parametrize("size", [1, 2])
def test_small_categories_alone_leave_no_split_empty(size: int) -> None:
    splits = stratified_split([[f"c{k // size}"] for k in range(20)], seed=0)
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 16, "val": 2, "test": 2}
    assert sorted(row for rows in splits.values() for row in rows) == list(range(20))


def test_where_large_categories_suffice_small_ones_go_to_train() -> None:
    splits = stratified_split([["large"]] * 10 + [["small"]] * 2, seed=0)
    assert {10, 11} <= set(splits["train"])
    assert (len(splits["val"]), len(splits["test"])) == (1, 1)


def test_three_pairs_are_one_in_each_split_and_two_are_too_few() -> None:
    assert all(len(rows) == 1 for rows in stratified_split([["a"], ["a"], ["b"]], seed=0).values())
    few = resplit(DataSet("few", tuple(Pair(str(k), None, (str(k),)) for k in range(2)), {}), 0)
    with pytest.raises(
        MissingData, match=r"few: the split 'val' is empty\. The 2 pairs are too few, or too many share"
    ):
        few.split("val")
