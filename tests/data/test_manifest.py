import json
from pathlib import Path

import pytest

from diptych.data.findings import Finding
from diptych.data.manifest import read_manifest
from diptych.errors import BadManifest, BadText, MissingData


def test_a_row_becomes_a_pair(make_picture, write_lines):
    picture = make_picture("img/a.png")
    path = write_lines(
        {"id": "a", "image": "img/a.png", "texts": ["one", " two "], "category": "cat", "split": "train"},
        {"id": 7, "image": None, "text": "three", "categories": ["cat", "dog"], "split": "dev"},
        {"id": "c", "image": None, "text": "four", "split": "test"},
    )
    dataset = read_manifest(path, name="mine")
    first, second, third = dataset.pairs
    assert (first.id, first.image, first.texts, first.categories) == ("a", picture, ("one", "two"), ("cat",))
    assert (second.id, second.image, second.categories) == ("7", None, ("cat", "dog"))
    assert third.categories == ()
    assert dataset.splits == {"train": (0,), "val": (1,), "test": (2,)}
    assert dataset.split_seed is None


def test_rows_of_one_picture_without_ids_are_one_pair(make_picture, write_lines):
    make_picture("a.png")
    path = write_lines({"file_name": "a.png", "text": "one"}, {"file_name": "a.png", "text": "two"})
    (pair,) = read_manifest(path, name="mine").pairs
    assert (pair.id, pair.texts) == ("a.png", ("one", "two"))


def test_where_no_row_names_a_split_there_are_none(write_lines):
    path = write_lines(*({"id": k, "image": None, "text": "a", "category": "c"} for k in range(5)))
    assert read_manifest(path, name="mine").splits == {}


def test_pictures_in_folders_called_like_splits_are_in_those_splits(make_picture, write_lines):
    for folder in ("train", "validation", "test"):
        make_picture(f"{folder}/a.png")
    rows = [{"file_name": f"{folder}/a.png", "text": folder} for folder in ("test", "train", "validation")]
    dataset = read_manifest(write_lines(*rows, name="metadata.jsonl"), name="mine")
    assert dataset.splits == {"train": (1,), "val": (2,), "test": (0,)}


def test_a_relative_manifest_is_read_from_the_working_folder(make_picture, write_lines, monkeypatch, tmp_path):
    make_picture("a.png")
    write_lines({"image": "a.png", "text": "one"})
    monkeypatch.chdir(tmp_path)
    assert read_manifest(Path("pairs.jsonl"), name="mine").pairs[0].image == tmp_path / "a.png"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            {"image": "img/0412.jpg", "text": "a"},
            r"pairs.jsonl, line 2: image 'img/0412.jpg' does not exist. Paths are relative to",
        ),
        ({"image": "../a.png", "text": "a"}, r"line 2: '../a.png' lies outside the data set's folder"),
        ({"image": "/etc/hostname", "text": "a"}, r"line 2: '/etc/hostname' lies outside"),
        ({"image": {"bytes": "x"}, "text": "a"}, r"line 2: image must be a path; got a dict"),
        ({"photo": "a.png", "text": "a"}, r"line 2: it has no column for the picture"),
        ({"image": None, "text": "a", "category": ""}, r"line 2: the category is empty. Name the category"),
        ({"image": None, "text": "a", "category": 3.5}, r"line 2: category must hold text; got 3.5"),
        ({"image": None, "categories": "[oops", "text": "a"}, r"line 2: categories is not a JSON list"),
        ({"image": None, "text": "a", "split": "trian"}, r"line 2: the split 'trian' is unknown. Use one of train"),
        ({"image": None, "text": "a", "id": []}, r"line 2: the id must be a string or a number; got \[\]"),
        ({"image": None, "text": "a", "id": "first"}, r"line 2: the id 'first' is already used by pairs.jsonl, line 1"),
        ({"image": None, "text": "a", "id": "x"}, r"line 2: it names no split, though other rows do"),
        (b"{broken", r"line 2: it is not JSON"),
        (b'{"id": ' + b"9" * 5000 + b"}", r"line 2: it is not JSON"),
        (b"[1]", r"line 2: it must be a JSON object; got a list"),
        ({"image": None, "text": "caf\udce9"}, r"line 2: in 'caf\\udce9', it holds the lone surrogate U\+DCE9. Save"),
        (b'{"text": "\xff"}', r"line 2: byte 10 \(0xff\) is not UTF-8"),
    ],
)
def test_a_faulty_line_is_named(write_lines, row, sentence):
    path = write_lines({"id": "first", "image": None, "text": "good", "split": "train"}, row)
    with pytest.raises(BadManifest, match=sentence):
        read_manifest(path, name="mine")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x" * 10_000_000, r"line 1: the text has 10,000,000 bytes, more than the limit of 1,000,000. Shorten it"),
        (" \n", r"line 1: the text is empty. Write a text"),
        ([], r"line 1: it has no text. Give a list in 'texts'"),
    ],
)
def test_a_text_of_ten_megabytes_or_none_is_refused(write_lines, text, sentence):
    with pytest.raises(BadText, match=sentence):
        read_manifest(write_lines({"image": None, "texts": text}), name="mine")


def test_one_picture_in_two_splits_without_ids_is_refused(make_picture, write_lines):
    make_picture("a.png")
    rows = [{"image": "a.png", "text": split, "split": split} for split in ("train", "test")]
    with pytest.raises(
        BadManifest, match=r"line 2: its picture is in the split 'test' here and in 'train' at pairs.jsonl, line 1"
    ):
        read_manifest(write_lines(*rows), name="mine")


def test_an_empty_manifest_is_refused(write_lines):
    with pytest.raises(BadManifest, match=r"pairs.jsonl: it holds no usable pair"):
        read_manifest(write_lines(), name="mine")


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(MissingData, match=r"pairs.jsonl' does not exist"):
        read_manifest(tmp_path / "pairs.jsonl", name="mine")


def test_a_report_hears_of_every_faulty_line_and_the_rest_is_read(write_lines):
    path = write_lines(
        {"image": "gone.png", "text": "a"}, {"image": None, "text": "b"}, b"{", {"image": "lost.png", "text": "c"}
    )
    found: list[Finding] = []
    dataset = read_manifest(path, name="mine", report=found.append)
    assert [finding.kind for finding in found] == ["missing image", "bad line", "missing image"]
    assert [pair.texts for pair in dataset.pairs] == [("b",)]


def test_whole_numbers_are_categories_too(tmp_path):
    rows = [{"text": "a", "image": None, "category": 3}, {"text": "b", "image": None, "categories": [1, "x"]}]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [pair.categories for pair in read_manifest(tmp_path / "m.jsonl", name="m").pairs] == [("3",), ("1", "x")]


def test_rows_of_one_picture_and_one_id_are_one_pair(tmp_path, make_picture):
    make_picture("a.png")
    (tmp_path / "m.csv").write_text("id,image,text\n7,a.png,one\n7,a.png,two\n")
    (pair,) = read_manifest(tmp_path / "m.csv", name="m").pairs
    assert (pair.id, pair.texts) == ("7", ("one", "two"))


def test_an_empty_cell_is_no_picture(tmp_path):
    (tmp_path / "m.csv").write_text("id,image,file_name,text\n1,,,one\n")
    assert read_manifest(tmp_path / "m.csv", name="m").pairs[0].image is None
