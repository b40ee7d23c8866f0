"""Vectors computed elsewhere: put beside pairs, or a data set by themselves."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy.io import loadmat, savemat

from diptych.data.given_vectors import dataset_of, read_vectors, with_vectors
from diptych.data.pairs import DataSet, Pair
from diptych.data.sources import open_data
from diptych.data.wikipedia import read as read_wikipedia
from diptych.errors import BadFeature, BadManifest, MissingData, ShapeMismatch

IMAGE = np.arange(12, dtype=np.float64).reshape(4, 3)
TEXT = -np.arange(8, dtype=np.float64).reshape(4, 2)
IDS = ["a", "bcd", "e", "f"]
SPLIT = ["train", "dev", "test", "train"]


@pytest.fixture
def pairs() -> DataSet:
    """Return four pairs whose ids stand in another order than a file's."""
    return DataSet("mine", tuple(Pair(name, None, (f"text {name}",)) for name in ("f", "a", "e", "bcd")), {})


def saved(path: Path, **extra: object) -> Path:
    """Save the vectors and whatever else, in the format that the suffix says."""
    if path.suffix == ".parquet":
        parquet.write_table(pa.table({"image": IMAGE.tolist(), "text": TEXT.tolist(), **extra}), path)
    else:
        arrays = {"image": IMAGE, "text": TEXT, **{name: np.array(value) for name, value in extra.items()}}
        savemat(path, arrays) if path.suffix == ".mat" else np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".parquet"])
def test_a_file_says_the_same_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"x{suffix}", ids=IDS, category=["cat", "dog", "cat", "dog"], split=SPLIT)
    given = read_vectors(path)
    np.testing.assert_array_equal(given.image, IMAGE)
    np.testing.assert_array_equal(given.text, TEXT)
    assert given.image.dtype == given.text.dtype == np.float32
    assert given.ids == tuple(IDS)
    assert given.categories == (("cat",), ("dog",), ("cat",), ("dog",))
    assert given.splits == {"train": (0, 3), "val": (1,), "test": (2,)}
    assert len(given) == 4


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".parquet"])
def test_vectors_may_come_alone(tmp_path: Path, suffix: str) -> None:
    given = read_vectors(saved(tmp_path / f"x{suffix}"))
    assert (given.ids, given.categories, given.splits) == (None, None, None)


@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 1)])
def test_numbers_name_categories_and_ids_in_any_precision(tmp_path: Path, shape: tuple[int, ...]) -> None:
    # MATLAB keeps all numbers as doubles, and vectors as matrices
    labels = np.array([2.0, 1.0, 2.0, 10.0]).reshape(shape)
    given = read_vectors(saved(tmp_path / "x.mat", labels=labels, ids=np.arange(4).reshape(shape)))
    assert given.categories == (("2",), ("1",), ("2",), ("10",))
    assert given.ids == ("0", "1", "2", "3")


def test_a_matrix_of_0_and_1_gives_several_categories(tmp_path: Path) -> None:
    given = read_vectors(saved(tmp_path / "x.npz", labels=[[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]]))
    assert given.categories == (("0", "2"), ("1",), (), ("2",))


def test_a_parquet_row_may_have_several_categories_or_none(tmp_path: Path) -> None:
    lists = saved(tmp_path / "lists.parquet", category=[["cat", "pet"], [], None, ["dog"]])
    assert read_vectors(lists).categories == (("cat", "pet"), (), (), ("dog",))
    numbers = saved(tmp_path / "numbers.parquet", category=[1, None, 2, 2])
    assert read_vectors(numbers).categories == (("1",), (), ("2",), ("2",))


def test_the_halves_of_wikipedia_follow_one_another(tmp_path: Path) -> None:
    halves = {"I_tr": IMAGE[:3], "T_tr": TEXT[:3], "I_te": IMAGE[3:], "T_te": TEXT[3:]}
    savemat(tmp_path / "x.mat", halves)
    given = read_vectors(tmp_path / "x.mat")
    np.testing.assert_array_equal(given.image, IMAGE)
    np.testing.assert_array_equal(given.text, TEXT)


def test_vectors_are_matched_by_id(tmp_path: Path, pairs: DataSet) -> None:
    filled = with_vectors(pairs, saved(tmp_path / "x.npz", ids=IDS))
    np.testing.assert_array_equal(filled.vectors["image"], IMAGE[[3, 0, 2, 1]])
    np.testing.assert_array_equal(filled.vectors["text"], TEXT[[3, 0, 2, 1]])
    assert filled.pairs == pairs.pairs


def test_a_file_may_know_more_items_than_the_data_set(tmp_path: Path, pairs: DataSet) -> None:
    few = DataSet("few", pairs.pairs[:2], {})
    np.testing.assert_array_equal(with_vectors(few, saved(tmp_path / "x.npz", ids=IDS)).vectors["text"], TEXT[[3, 0]])


def test_without_ids_vectors_are_in_the_order_of_the_pairs(tmp_path: Path, pairs: DataSet) -> None:
    np.testing.assert_array_equal(with_vectors(pairs, saved(tmp_path / "x.mat")).vectors["image"], IMAGE)


def test_a_pair_without_vectors_is_named(tmp_path: Path, pairs: DataSet) -> None:
    path = saved(tmp_path / "x.npz", ids=["a", "b", "c", "d"])
    with pytest.raises(MissingData, match=r"no vectors for 3 of the 4 pairs of mine, the first is 'f'. Add them"):
        with_vectors(pairs, path)


def test_another_number_of_rows_without_ids_is_refused(tmp_path: Path, pairs: DataSet) -> None:
    few = DataSet("few", pairs.pairs[:3], {})
    with pytest.raises(ShapeMismatch, match="one row for each of the 3 pairs of few, in their order; got 4 rows"):
        with_vectors(few, saved(tmp_path / "x.npz"))


def test_a_file_with_splits_is_a_data_set_by_itself(tmp_path: Path) -> None:
    dataset = dataset_of(saved(tmp_path / "museum.npz", ids=IDS, split=SPLIT, labels=[0, 1, 1, 0]))
    assert dataset.name == "museum"
    assert dataset.pairs[1] == Pair("bcd", None, (), ("1",))
    assert (dataset.splits, dataset.split_seed) == ({"train": (0, 3), "val": (1,), "test": (2,)}, None)
    assert {modality: vectors.shape for modality, vectors in dataset.vectors.items()} == {
        "image": (4, 3),
        "text": (4, 2),
    }


def test_without_a_split_one_is_drawn_and_ids_are_row_numbers(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.repeat(["cat", "dog"], 10)
    np.savez(tmp_path / "x.npz", image=generator.random((20, 3)), text=generator.random((20, 2)), labels=labels)
    dataset = open_data(str(tmp_path / "x.npz"))
    assert [pair.id for pair in dataset.pairs[:3]] == ["0", "1", "2"]
    assert {name: len(rows) for name, rows in dataset.splits.items()} == {"train": 16, "val": 2, "test": 2}
    assert dataset.split_seed == 0
    assert all(dataset.labels(rows).any(axis=0).all() for rows in dataset.splits.values())


def test_splits_without_categories_are_enough(tmp_path: Path) -> None:
    assert dataset_of(saved(tmp_path / "x.npz", split=SPLIT)).classes == ()


def test_vectors_alone_are_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="neither categories nor a split, so it is not a data set by itself"):
        dataset_of(saved(tmp_path / "x.npz"))


@pytest.mark.parametrize(
    ("arrays", "absent"),
    [({"image": IMAGE}, "text"), ({"text": TEXT}, "image"), ({"image": IMAGE, "T_tr": TEXT}, "T_te")],
)
def test_a_missing_modality_is_named(tmp_path: Path, arrays: dict[str, np.ndarray], absent: str) -> None:
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(MissingData, match=f"has no '{absent}'. It must hold vectors as image and text, or as I_tr"):
        read_vectors(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.arange(4.0), r"float64 of shape \(4,\)"),
        (np.zeros((0, 3)), r"float64 of shape \(0, 3\)"),
        (np.zeros((4, 0)), r"float64 of shape \(4, 0\)"),
        (np.zeros((4, 2), dtype=complex), r"complex128 of shape \(4, 2\)"),
        (np.array([["a"], ["b"]]), r"<U1 of shape \(2, 1\)"),
    ],
)
def test_anything_but_a_matrix_of_numbers_is_refused(tmp_path: Path, image: np.ndarray, got: str) -> None:
    np.savez(tmp_path / "x.npz", image=image, text=TEXT)
    with pytest.raises(ShapeMismatch, match=rf"'image' must be numbers of shape \(items, width\), .*; got {got}"):
        read_vectors(tmp_path / "x.npz")


@pytest.mark.parametrize(("image", "got"), [([["a"], ["b"]], "a column of list"), ([], "an empty column")])
def test_a_parquet_column_that_is_no_matrix_is_refused(tmp_path: Path, image: list[object], got: str) -> None:
    table = pa.table({"image": pa.array(image, pa.list_(pa.string())), "text": TEXT[: len(image)].tolist()})
    parquet.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(ShapeMismatch, match=f"'image' must be numbers of shape .*; got {got}"):
        read_vectors(tmp_path / "x.parquet")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_number_that_is_not_finite_is_refused_with_its_row(tmp_path: Path, value: float) -> None:
    text = TEXT.copy()
    text[2, 1] = value
    np.savez(tmp_path / "x.npz", image=IMAGE, text=text)
    with pytest.raises(BadFeature, match="'text' must be finite; 1 of 4 rows are not, the first is number 2"):
        read_vectors(tmp_path / "x.npz")


def test_more_texts_than_pictures_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", image=IMAGE[:3], text=TEXT)
    with pytest.raises(ShapeMismatch, match="a picture and a text in every row; got 3 pictures and 4 texts"):
        read_vectors(tmp_path / "x.npz")


def test_halves_of_different_widths_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", I_tr=IMAGE, I_te=IMAGE[:, :2], T_tr=TEXT, T_te=TEXT)
    with pytest.raises(ShapeMismatch, match="I_tr and I_te must have the same width; got 3 and 2"):
        read_vectors(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("name", "column", "got"),
    [
        ("ids", ["a", "b"], r"<U1 of shape \(2,\)"),
        ("ids", [[0, 1], [2, 3]], r"int64 of shape \(2, 2\)"),
        ("labels", [[1, 2]] * 4, r"int64 of shape \(4, 2\)"),
        ("split", "train", r"<U5 of shape \(\)"),
    ],
)
def test_a_column_of_another_length_is_refused(tmp_path: Path, name: str, column: object, got: str) -> None:
    with pytest.raises(ShapeMismatch, match=rf"'{name}' must have one value for each of the 4 items; got {got}"):
        read_vectors(saved(tmp_path / "x.npz", **{name: column}))


def test_an_id_that_stands_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadManifest, match=r"the id 'a' occurs in 2 rows. Give each item its own"):
        read_vectors(saved(tmp_path / "x.npz", ids=["a", "b", "a", "c"]))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"ids": [1.5, 2.0, 3.0, 4.0]}, r"every id must be a string or an integer; got 1.5"),
        ({"ids": ["a", "b", " ", "c"]}, r"every id must be a string or an integer; got ' '"),
        ({"category": ["a", "b", "", "c"]}, r"every category must be a string or an integer; got ''"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, column: dict[str, object], message: str) -> None:
    with pytest.raises(BadManifest, match=message):
        read_vectors(saved(tmp_path / "x.npz", **column))


@pytest.mark.parametrize(("suffix", "fourth"), [(".npz", "night"), (".parquet", None)])
def test_an_unknown_split_is_named_with_its_row(tmp_path: Path, suffix: str, fourth: str | None) -> None:
    path = saved(tmp_path / f"x{suffix}", split=["train", "val", "test", fourth])
    with pytest.raises(BadManifest, match=rf"row 3: the split {fourth!r} is unknown. Use one of train, val"):
        read_vectors(path)


@pytest.mark.data
def test_wikipedia_s_own_features_come_back_in_their_order(data_root: Path) -> None:
    dataset = read_wikipedia(data_root / "wikipedia")
    path = data_root / "wikipedia" / "features" / "raw_features.mat"
    filled = with_vectors(DataSet("bare", dataset.pairs, dataset.splits), path)
    assert len(loadmat(path)["I_tr"]) == 2173
    for modality in ("image", "text"):
        np.testing.assert_array_equal(filled.vectors[modality], dataset.vectors[modality])
