"""What goes into a collection, from each kind of source."""

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from diptych.data.entries import Entry, read_entries
from diptych.data.findings import Finding
from diptych.errors import MissingData


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return a folder with three pictures, one hidden, and a file that is none."""
    for name in ("cat.png", "cats/tom.jpg", ".hidden/secret.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), "red").save(path)
    (tmp_path / "notes.txt").write_text("none")
    return tmp_path


def read(source: str | Path) -> tuple[list[Entry], list[Finding]]:
    found: list[Finding] = []
    return list(read_entries(str(source), report=found.append)), found


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_folder_of_pictures_gives_each_with_its_path_as_id(pictures: Path) -> None:
    entries, found = read(pictures)
    assert [(entry.id, entry.image, entry.texts) for entry in entries] == [
        ("cat.png", pictures / "cat.png", ()),
        ("cats/tom.jpg", pictures / "cats" / "tom.jpg", ()),
    ]
    assert [entry.metadata for entry in entries] == [{}, {"folder": "cats"}]
    assert not found


def test_a_picture_alone_is_a_source(pictures: Path) -> None:
    assert [entry.id for entry in read(pictures / "cat.png")[0]] == ["cat.png"]


def test_a_manifest_gives_every_other_column_as_metadata(pictures: Path) -> None:
    rows = [
        {"id": 7, "image": "cat.png", "text": "a cat", "year": 2010, "kept": True, "tags": ["a", "b"], "split": "test"},
        {"image": "cats/tom.jpg", "year": None},
        {"id": "words", "texts": ["only", "text"]},
    ]
    written(pictures, "pairs.jsonl", "\n".join(map(json.dumps, rows)))
    entries, found = read(pictures)
    assert not found
    assert [(entry.id, entry.image and entry.image.name, entry.texts, entry.metadata) for entry in entries] == [
        ("7", "cat.png", ("a cat",), {"year": 2010.0, "kept": True, "tags": ("a", "b")}),
        ("cats/tom.jpg", "tom.jpg", (), {}),
        ("words", None, ("only", "text"), {}),
    ]


def test_a_csv_column_of_numbers_is_one_of_numbers_and_another_stays_text(pictures: Path) -> None:
    path = written(pictures, "metadata.csv", "file_name,year,code\ncat.png,2010,007\ncats/tom.jpg,,x1\n")
    assert [entry.metadata for entry in read(path)[0]] == [{"year": 2010.0, "code": "007"}, {"code": "x1"}]


def test_json_lines_on_standard_input_name_pictures_anywhere(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = json.dumps({"id": "ü", "image": str(pictures / "cat.png"), "text": "ein Kater"}).encode() + b"\nno json\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    entries, found = read("-")
    assert [(entry.id, entry.image) for entry in entries] == [("ü", pictures / "cat.png")]
    assert [finding.where for finding in found] == ["stdin, line 2"]


def test_a_data_set_gives_its_pairs_with_their_category() -> None:
    entries, _ = read("openmoji")
    assert len(entries) > 1000
    assert entries[0].texts
    assert isinstance(entries[0].metadata["category"], str)


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ({"id": "a"}, "neither a picture nor a text"),
        ({"text": "no id"}, "a text without a picture has no default id"),
        ({"id": "a", "text": "x", "bad name": 1}, "a column cannot be named 'bad name'"),
        ({"id": "a", "text": "x", "deep": {"a": 1}}, "deep must be a string, a number, true or false"),
        ({"id": "a", "text": "x", "huge": 2**60}, "huge must be a string, a number"),
        ({"id": "a\0", "text": "x"}, "cannot be stored"),
        ({"id": "ä" * 300, "text": "x"}, "cannot be stored"),
        ({"id": "a", "image": "gone.png"}, "image 'gone.png' does not exist"),
        ({"id": "a", "image": "../outside.png"}, "lies outside"),
        ({"id": "a", "text": " "}, "the text is empty"),
    ],
)
def test_a_faulty_row_is_reported_and_the_rest_goes_on(tmp_path: Path, row: dict[str, object], what: str) -> None:
    path = written(tmp_path, "items.jsonl", json.dumps(row) + '\n{"id": "good", "text": "fine"}\n')
    entries, found = read(path)
    assert [entry.id for entry in entries] == ["good"]
    assert what in found[0].what
    assert found[0].where == "items.jsonl, line 1"


def test_a_number_that_json_cannot_mean_is_reported(tmp_path: Path) -> None:
    path = written(tmp_path, "items.jsonl", '{"id": "a", "text": "x", "size": NaN}\n')
    assert "size must be a string, a number" in read(path)[1][0].what


def test_a_folder_without_anything_to_take_in_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="holds neither pictures nor a manifest"):
        read(tmp_path)
