from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import polars
import pytest
from PIL import Image

from diptych.data.in_memory import rows_of
from diptych.data.sources import open_data
from diptych.errors import BadManifest, BadSetting, BadText, MissingData

from .conftest import MakePicture


def rows(count: int = 12) -> list[dict[str, Any]]:
    """Return pairs whose pictures are of one colour each."""
    return [
        {
            "image": Image.new("RGB", (8, 6), (20 * k, 0, 200)),
            "text": f"picture number {k}",
            "category": "even" if k % 2 == 0 else "odd",
        }
        for k in range(count)
    ]


def test_a_list_of_dicts_is_a_data_set_that_is_found_again() -> None:
    dataset = open_data(rows())
    assert [(pair.id, pair.texts, pair.categories) for pair in dataset.pairs[:2]] == [
        ("0", ("picture number 0",), ("even",)),
        ("1", ("picture number 1",), ("odd",)),
    ]
    assert sum(map(len, dataset.splits.values())) == 12
    picture = dataset.pairs[3].image
    assert isinstance(picture, Path)
    with Image.open(picture) as image:
        assert (image.size, image.getpixel((0, 0))) == ((8, 6), (60, 0, 200))
    again = open_data(rows())
    assert (again.name, again.pairs) == (dataset.name, dataset.pairs)
    assert open_data(rows(11)).name != dataset.name


def test_pictures_are_paths_bytes_pictures_or_arrays(make_picture: MakePicture, tmp_path: Path) -> None:
    file = make_picture("a.png")
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    content = file.read_bytes()
    kinds = [file, content, picture, np.asarray(picture), {"bytes": content, "path": None}]
    pairs = open_data([{"image": each, "text": f"text {k}"} for k, each in enumerate(kinds)], draw=False).pairs
    for pair in pairs:
        assert isinstance(pair.image, Path)
        with Image.open(pair.image) as image:
            np.testing.assert_array_equal(np.asarray(image.convert("RGB")), np.asarray(picture))
    assert [pair.id for pair in pairs] == [str(file), "1", "2", "3", "4"]
    assert pairs[0].image == file


def test_a_data_frame_of_usual_names_is_read_without_its_missing_values(make_picture: MakePicture) -> None:
    paths = [str(make_picture(f"{k}.png")) for k in range(3)]
    frame = pd.DataFrame(
        {"filename": paths, "caption": ["a", "b", "c"], "label": [1, 2, None], "split": ["train", "val", "test"]}
    )
    dataset = open_data(frame)
    assert [(pair.texts, pair.categories) for pair in dataset.pairs] == [
        (("a",), ("1",)),
        (("b",), ("2",)),
        (("c",), ()),
    ]
    assert dataset.splits == {"train": (0,), "val": (1,), "test": (2,)}
    titled = frame.rename(columns={"caption": "title"})
    with pytest.raises(BadText, match=r"all 3 rows have the same fault: it has no text"):
        open_data(titled)
    assert open_data(titled, columns=["text=title"]).pairs[0].texts == ("a",)


def test_a_frame_of_polars_is_read_without_its_missing_values(make_picture: MakePicture) -> None:
    paths = [str(make_picture(f"{k}.png")) for k in range(3)]
    columns = {
        "image_path": paths,
        "captions": [["a", "b"], ["c"], ["d"]],
        "label": [1, None, 2],
        "price": [1.5, 2, None],
    }
    frame = polars.DataFrame(columns, strict=False)
    assert [(pair.texts, pair.categories) for pair in open_data(frame, draw=False).pairs] == [
        (("a", "b"), ("1",)),
        (("c",), ()),
        (("d",), ("2",)),
    ]
    rows = list(rows_of(frame))
    assert [row.get("price") for row in rows] == [1.5, 2, None]
    assert "price" not in rows[2]


def hugging_face_set(pictures: list[Any], decode: bool = True) -> "datasets.Dataset":
    """Return a set of Hugging Face with pictures, classes and captions."""
    features = datasets.Features(
        {
            "image": datasets.Image(decode=decode),
            "label": datasets.ClassLabel(names=["cat", "dog"]),
            "caption": datasets.Value("string"),
        }
    )
    count = len(pictures)
    columns = {
        "image": pictures,
        "label": [k % 2 for k in range(count)],
        "caption": [f"text {k}" for k in range(count)],
    }
    return datasets.Dataset.from_dict(columns, features=features)


@pytest.mark.parametrize("decode", [True, False])
def test_a_set_of_hugging_face_keeps_its_bytes_and_names_its_classes(decode: bool, make_picture: MakePicture) -> None:
    contents = [make_picture(f"{k}.png").read_bytes() for k in range(4)]
    found = hugging_face_set([{"bytes": each, "path": None} for each in contents], decode)
    pairs = open_data(found, draw=False).pairs
    assert [pair.categories for pair in pairs] == [("cat",), ("dog",), ("cat",), ("dog",)]
    assert [pair.texts for pair in pairs] == [(f"text {k}",) for k in range(4)]
    assert [pair.image.read_bytes() for pair in pairs if pair.image is not None] == contents


def test_a_set_of_hugging_face_may_name_files(make_picture: MakePicture) -> None:
    files = [make_picture(f"{k}.png") for k in range(2)]
    pairs = open_data(hugging_face_set([str(file) for file in files]), draw=False).pairs
    assert [pair.image for pair in pairs] == files


def test_sets_of_hugging_face_by_split_keep_their_splits() -> None:
    pictures = [each["image"] for each in rows()]
    parts = {"train": pictures[:6], "validation": pictures[6:9], "test": pictures[9:]}
    found = datasets.DatasetDict({split: hugging_face_set(part) for split, part in parts.items()})
    dataset = open_data(found)
    assert {split: len(held) for split, held in dataset.splits.items()} == {"train": 6, "val": 3, "test": 3}


def test_a_fault_in_rows_names_the_row_and_no_file(make_picture: MakePicture) -> None:
    image = str(make_picture("a.png"))
    frame = polars.DataFrame({"image": [image] * 2, "text": ["a", None]})
    with pytest.raises(BadText, match=r"^the data, line 2: it has no text\. Give a list in 'texts', or one text"):
        open_data(frame)


def test_arrays_of_vectors_are_a_data_set() -> None:
    generator = np.random.default_rng(0)
    arrays = {"image": generator.normal(size=(20, 5)), "text": generator.normal(size=(20, 3)), "labels": [0, 1] * 10}
    dataset = open_data(arrays)
    assert dataset.vectors["image"].shape == (20, 5)
    assert dataset.classes == ("0", "1")


@pytest.mark.parametrize(
    ("data", "error", "sentence"),
    [
        ([], MissingData, r"the data have no rows"),
        (5, BadSetting, r"data must be a name, a path, a data frame, .* got 5"),
        (["a.png"], BadSetting, r"row 0 must be a dict with columns such as image and text; got 'a.png'"),
        ([{"image": 5, "text": "a"}], BadSetting, r"row 0: image must be the path of a picture"),
        ([{"image": None, "text": object()}], BadSetting, r"a column holds <object"),
        ({"image": [[1.0]]}, BadManifest, r"must hold vectors as image and text; text is missing"),
    ],
)
def test_what_is_no_data_is_refused(data: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        open_data(data)


def test_what_was_not_kept_in_this_cache_is_not_read(tmp_path: Path) -> None:
    (tmp_path / f"{'0' * 32}.jsonl").write_text('{"id": "a", "image": "/etc/hostname", "text": "a"}\n')
    with pytest.raises(MissingData, match=r"was not kept in this cache"):
        open_data(f"in-memory:{tmp_path / ('0' * 32)}.jsonl")
    with pytest.raises(MissingData, match=r"in-memory has no pairs of its own"):
        open_data("in-memory")


def test_columns_of_other_names_stay_in_rows() -> None:
    (row,) = rows_of([{"filename": "a.png", "year": 2010, "gone": float("nan")}])
    assert row == {"image": "a.png", "year": 2010}
