import pyarrow
import pyarrow.parquet
import pytest

from diptych.data.manifest import read_manifest
from diptych.errors import BadManifest


def test_the_same_pairs_are_read_from_jsonl_csv_and_parquet(tmp_path, write_lines):
    write_lines({"id": "1", "image": None, "texts": ["a, b", "c"], "category": "x", "split": "train"}, name="m.jsonl")
    rows = [{"id": "1", "image": None, "texts": ["a, b", "c"], "category": "x", "split": "train"}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "m.parquet")
    sets = [read_manifest(tmp_path / f"m{suffix}", name="m") for suffix in (".jsonl", ".parquet")]
    assert sets[0] == sets[1]


def test_a_csv_cell_holds_one_text_or_a_json_list(tmp_path, make_picture):
    make_picture("a.png")
    (tmp_path / "m.csv").write_text('﻿image,texts,category\na.png,"[""a, b"", ""c""]",x\n', encoding="utf-8")
    (pair,) = read_manifest(tmp_path / "m.csv", name="m").pairs
    assert (pair.texts, pair.categories) == (("a, b", "c"), ("x",))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"image,text\na.png,one,two\n",
            r"m.csv, line 2: it has more cells than the header. Put texts with commas in quotes",
        ),
        (b"image,text\na.png,\xff\n", r"m.csv: byte 17 \(0xff\) is not UTF-8"),
        (b"image,text\na.png," + b"x" * 200_000 + b"\n", r"m.csv, line 2: it cannot be read \(field larger"),
    ],
)
def test_a_broken_csv_is_named_with_its_line(tmp_path, content, sentence):
    (tmp_path / "m.csv").write_bytes(content)
    with pytest.raises(BadManifest, match=sentence):
        read_manifest(tmp_path / "m.csv", name="m")


def test_a_broken_parquet_file_is_named(tmp_path):
    (tmp_path / "m.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(BadManifest, match=r"m.parquet cannot be read as Parquet"):
        read_manifest(tmp_path / "m.parquet", name="m")


def test_a_manifest_of_another_format_is_refused(tmp_path):
    (tmp_path / "m.xlsx").write_bytes(b"")
    with pytest.raises(BadManifest, match=r"must be a .jsonl, .csv, .parquet, .tar file; got '.xlsx'"):
        read_manifest(tmp_path / "m.xlsx", name="m")
