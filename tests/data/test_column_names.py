import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from diptych.catalogue import check, stats
from diptych.data.column_names import ColumnNames
from diptych.data.entries import Entry, read_entries
from diptych.data.findings import Finding
from diptych.data.sources import open_data
from diptych.errors import BadManifest, BadSetting, BadText

from .conftest import MakePicture, WriteManifest


@pytest.mark.parametrize(
    ("row", "renamed"),
    [
        ({"file_name": "a.png"}, {"image": "a.png"}),
        ({"filename": "a", "caption": "b", "label": 3}, {"image": "a", "text": "b", "category": 3}),
        ({"image_path": "a", "captions": ["b"], "class": "d"}, {"image": "a", "texts": ["b"], "category": "d"}),
        ({"path": "x/a.JPG", "sentence": "b"}, {"image": "x/a.JPG", "text": "b"}),
        ({"url": "https://x.org/a.png?w=9", "sentences": ["b"]}, {"image": "https://x.org/a.png?w=9", "texts": ["b"]}),
        ({"file_name": None, "text": "b"}, {"image": None, "text": "b"}),
        ({"image": None, "file_name": "a.png"}, {"image": "a.png"}),
        # what is no picture, text or category stays what it is
        ({"url": "https://x.org/page", "text": "b"}, {"url": "https://x.org/page", "text": "b"}),
        ({"url": "https://[x.png", "path": 7}, {"url": "https://[x.png", "path": 7}),
        ({"label": 0.25, "class": True, "caption": 4}, {"label": 0.25, "class": True, "caption": 4}),
        # ours count first
        ({"image": "a", "url": "b.png", "filename": "c.png"}, {"image": "a", "url": "b.png", "filename": "c.png"}),
        ({"text": "a", "caption": "b"}, {"text": "a", "caption": "b"}),
        ({"categories": [], "label": "a"}, {"categories": [], "label": "a"}),
        ({"image": None, "url": "b.png"}, {"image": None, "url": "b.png"}),
        ({"captions": ["a"], "caption": "b"}, {"texts": ["a"], "caption": "b"}),
    ],
)  # fmt: skip
def test_usual_names_are_recognised_where_ours_are_missing(row: dict[str, Any], renamed: dict[str, Any]) -> None:
    assert ColumnNames().renamed(row) == renamed


def test_a_column_that_the_user_names_counts_before_ours() -> None:
    names = ColumnNames.of(["text=title", "image=photo", "category=kind"])
    row = {"image": "old.png", "photo": "new.png", "title": "a", "text": "b", "kind": "c", "label": "d"}
    assert names.renamed(row) == {"image": "new.png", "text": "a", "category": "c", "label": "d"}
    assert names.renamed({"photo": "p.png", "caption": "c"}) == {"image": "p.png", "caption": "c"}


@pytest.mark.parametrize("written", ["title", "text=", "words=title", "=title"])
def test_a_column_without_a_meaning_is_refused(written: str) -> None:
    with pytest.raises(BadSetting, match=r"named after its meaning, as in text=caption: id, image, .* got '"):
        ColumnNames.of([written])


def test_a_csv_of_usual_names_is_a_data_set(make_picture: MakePicture, tmp_path: Path) -> None:
    rows = [("filename", "caption", "label")]
    for k in range(6):
        make_picture(f"photos/{k}.png")
        rows += [(f"photos/{k}.png", f"text {k}", "even" if k % 2 else "odd")] * 2
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    pairs = open_data(tmp_path, draw=False).pairs
    assert [(pair.id, pair.texts, pair.categories) for pair in pairs[:1]] == [
        ("photos/0.png", ("text 0", "text 0"), ("odd",))
    ]
    assert len(pairs) == 6
    assert stats(tmp_path / "pairs.csv")["class_sizes"] == {"even": 3, "odd": 3}


def test_pictures_in_a_column_of_another_name_are_read_from_parquet(make_picture: MakePicture, tmp_path: Path) -> None:
    content = make_picture("a.png").read_bytes()
    cells = [{"bytes": content, "path": None}, {"bytes": None, "path": "a.png"}]
    pq.write_table(pa.table({"photo": cells, "title": ["one", "two"]}), tmp_path / "pairs.parquet")
    first, second = open_data(tmp_path, columns=["image=photo", "text=title"], draw=False).pairs
    assert first.image is not None
    assert first.image.read_bytes() == content
    assert second.image == tmp_path / "a.png"
    assert (first.texts, second.texts) == (("one",), ("two",))


def test_a_column_that_no_row_has_is_one_fault_that_names_those_there_are(
    make_picture: MakePicture, write_lines: WriteManifest
) -> None:
    make_picture("a.png")
    path = write_lines(*({"image": "a.png", "title": f"text {k}", "price": k} for k in range(2190)))
    with pytest.raises(BadText) as error:
        open_data(path)
    assert str(error.value) == (
        "pairs.jsonl: all 2,190 rows have the same fault: it has no text. The columns are 'image', 'title', 'price'. "
        "Say which means what, as in --columns image=photo --columns text=title."
    )
    assert [len(found) for kind, found in check(path).items() if kind == "empty text"] == [1]
    assert len(open_data(path, columns=["text=title"], draw=False).pairs) == 1
    pictures = write_lines({"photo": "a.png", "text": "one"}, {"photo": "a.png", "text": "two"})
    with pytest.raises(
        BadManifest, match=r"all 2 rows have the same fault: it has no column for the picture. The columns"
    ):
        open_data(pictures)


def test_rows_that_lack_what_others_have_are_faults_of_their_own(write_lines: WriteManifest) -> None:
    path = write_lines({"image": None}, {"image": None}, {"image": None, "text": "good"}, {"image": None})
    found: list[Finding] = []
    open_data(path, report=found.append, draw=False)
    assert [finding.where for finding in found] == [f"pairs.jsonl, line {line}" for line in (1, 2, 4)]


def test_columns_are_refused_where_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "coco").mkdir()
    with pytest.raises(BadSetting, match=r"is coco, which has no columns that could be named. Leave out --columns."):
        open_data(f"coco:{tmp_path / 'coco'}", columns=["text=title"])


def read(source: Path, *columns: str) -> tuple[list[Entry], list[Finding]]:
    found: list[Finding] = []
    return list(read_entries(str(source), report=found.append, columns=columns)), found


def test_a_collection_recognises_pictures_and_texts_and_keeps_labels(
    make_picture: MakePicture, write_lines: WriteManifest
) -> None:
    picture = make_picture("a.png")
    path = write_lines({"filename": "a.png", "caption": "one", "label": "x", "url": "https://x.org/1"})
    ((entry,), found) = read(path)
    assert not found
    assert (entry.id, entry.image, entry.texts) == ("a.png", picture, ("one",))
    assert entry.metadata == {"label": "x", "url": "https://x.org/1"}
    ((entry,), _) = read(path, "category=label", "id=url")
    assert (entry.id, entry.metadata) == ("https://x.org/1", {"category": "x"})


def test_items_without_a_usable_column_are_one_rejection(write_lines: WriteManifest) -> None:
    path = write_lines(*({"id": k, "title": "a"} for k in range(50)))
    entries, (finding,) = read(path)
    assert not entries
    assert str(finding).startswith(
        "pairs.jsonl: all 50 rows have the same fault: it has neither a picture nor a text. The "
    )
    assert len(read(path, "text=title")[0]) == 50
