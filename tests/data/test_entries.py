"""What goes into a collection, from each kind of source."""

import io
import json
import os
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from PIL import Image

from diptych.data.entries import Entry, read_entries, shared_folder
from diptych.data.findings import Finding
from diptych.data.sources import source_of
from diptych.errors import MissingData, MissingExtra


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


def test_rows_of_one_picture_are_one_item_with_all_their_texts(pictures: Path) -> None:
    path = written(
        pictures,
        "captions.csv",
        "image,text,number\ncat.png,one,0\ncats/tom.jpg,other,0\n./cat.png,two,1\ncat.png,,2\ncat.png,three,3\n",
    )
    remarks: list[str] = []
    found: list[Finding] = []
    entries = list(read_entries(str(path), report=found.append, remark=remarks.append))
    assert [(entry.id, entry.texts, entry.metadata) for entry in entries] == [
        ("cats/tom.jpg", ("other",), {"number": 0.0}),
        ("cat.png", ("one", "two", "three"), {"number": 0.0}),
    ]
    assert [finding.where for finding in found] == ["captions.csv, line 5"]
    assert set(remarks) == {"rows of one picture differ in the column number: the first row's value is kept."}


def test_rows_of_one_picture_and_one_id_are_one_item_and_those_of_two_ids_are_two(pictures: Path) -> None:
    rows = [
        {"id": identity, "image": "cat.png", "text": text} for identity, text in (("a", "1"), ("b", "2"), ("a", "3"))
    ]
    entries, _ = read(written(pictures, "items.jsonl", "\n".join(map(json.dumps, rows))))
    assert {entry.id: entry.texts for entry in entries} == {"a": ("1", "3"), "b": ("2",)}


def test_captions_a_row_in_parquet_are_one_item_too(pictures: Path) -> None:
    rows = [{"image": "cat.png", "text": text} for text in ("one", "two")]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), pictures / "captions.parquet")
    (entry,), _ = read(pictures / "captions.parquet")
    assert entry.texts == ("one", "two")


def test_on_standard_input_neighbours_are_joined_and_late_rows_reported(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(name, str(k)) for k, name in enumerate(("cat.png", "cat.png", "cats/tom.jpg", "cat.png"))]
    lines = "\n".join(json.dumps({"image": str(pictures / name), "text": text}) for name, text in rows)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    entries, found = read("-")
    assert [entry.texts for entry in entries] == [("0", "1"), ("2",)]
    assert [str(finding) for finding in found] == [
        "stdin, line 4: other rows of its picture came before. "
        "Let the rows of one picture follow one another, or give each an id."
    ]


def test_a_folder_called_like_a_data_set_is_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openmoji").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "openmoji" / "a.png")
    monkeypatch.chdir(tmp_path)
    for source in (tmp_path / "openmoji", "./openmoji", source_of(Path("openmoji"))):
        assert [entry.id for entry in read(source)[0]] == ["a.png"]


def test_pictures_of_several_folders_have_paths_from_the_folder_they_share(tmp_path: Path) -> None:
    for year in ("2023", "2024"):
        (tmp_path / year).mkdir()
        Image.new("RGB", (8, 8)).save(tmp_path / year / "1.png")
    root = shared_folder([str(tmp_path / "2023"), str(tmp_path / "2024" / "1.png")])
    assert root == tmp_path
    (entry,) = read_entries(str(tmp_path / "2023"), report=raised, root=root)
    assert (entry.id, entry.metadata) == ("2023/1.png", {"folder": "2023"})
    assert [entry.id for entry in read(tmp_path / "*" / "1.png")[0]] == ["2023/1.png", "2024/1.png"]


def test_files_passed_over_are_counted_and_named(pictures: Path) -> None:
    for name in ("a.xyz", "b.xyz", "plain"):
        (pictures / name).write_bytes(b"-")
    os.mkfifo(pictures / "pipe.png")
    (pictures / "gone.png").symlink_to(pictures / "nowhere")
    remarks: list[str] = []
    assert len(list(read_entries(str(pictures), report=raised, remark=remarks.append))) == 2
    (remark,) = remarks
    assert remark.startswith(f"6 files in '{pictures}' are no pictures that can be read: 2 .xyz, ")
    assert {"1 .txt", "1 without suffix", "1 pipe or device", "1 broken link"} <= set(remark.rstrip(".").split(", "))


def test_a_picture_that_needs_another_package_names_it(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.data.picture_plug_ins.find_spec", lambda name: None)
    path = written(pictures, "IMG_1.HEIC", "-")
    with pytest.raises(
        MissingExtra, match=r"IMG_1\.HEIC' is a picture that needs another package: pip install pillow-"
    ):
        read(path)
    remarks: list[str] = []
    list(read_entries(str(pictures), report=raised, remark=remarks.append))
    assert "1 .heic (which need pillow-heif)" in remarks[0]


def test_a_name_that_is_not_utf8_costs_one_picture(pictures: Path) -> None:
    (pictures / os.fsdecode(b"caf\xe9.png")).write_bytes((pictures / "cat.png").read_bytes())
    entries, (finding,) = read(pictures)
    assert [entry.id for entry in entries] == ["cat.png", "cats/tom.jpg"]
    assert finding.what == "its name or id is not UTF-8"


def raised(finding: Finding) -> None:
    raise AssertionError(finding)


def test_a_folder_without_anything_to_take_in_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="holds neither pictures nor a manifest"):
        read(tmp_path)
