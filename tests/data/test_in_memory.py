from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
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


class Image_:  # noqa: N801
    """A feature of Hugging Face's that decodes pictures."""

    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


Image_.__name__ = "Image"


class ClassLabel:
    """A feature of Hugging Face's whose values are numbers of classes."""

    names = ("cat", "dog")


class HuggingFaceSet:
    """What is used of a data set of Hugging Face."""

    def __init__(self, content: bytes, *, decode: bool = True) -> None:
        self.content = content
        self.features = {"image": Image_(decode), "label": ClassLabel(), "caption": object()}

    def cast_column(self, name: str, feature: Image_) -> "HuggingFaceSet":
        assert (name, feature.decode) == ("image", False)
        return HuggingFaceSet(self.content, decode=False)

    def __iter__(self) -> Any:
        for k in range(4):
            image = Image.new("RGB", (2, 2)) if self.features["image"].decode else {"bytes": self.content, "path": None}
            yield {"image": image, "label": k % 2, "caption": f"text {k}"}


def test_a_set_of_hugging_face_keeps_its_bytes_and_names_its_classes(make_picture: MakePicture) -> None:
    content = make_picture("a.png").read_bytes()
    pairs = open_data(HuggingFaceSet(content), draw=False).pairs
    assert [pair.categories for pair in pairs] == [("cat",), ("dog",), ("cat",), ("dog",)]
    assert pairs[0].image is not None
    assert pairs[0].image.read_bytes() == content


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
