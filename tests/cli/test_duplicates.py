"""`diptych collection duplicates`: groups as a table, as JSON, as rows and as paths."""

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Diptych


@pytest.fixture
def shop(diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a collection of six pictures, two of which have a copy."""
    monkeypatch.chdir(tmp_path)
    album = tmp_path / "album"
    album.mkdir()
    for name in ("0", "5", "11", "22"):
        shutil.copy(tiny_set / f"{name}.png", album)
    for name in ("5", "22"):
        shutil.copy(tiny_set / f"{name}.png", album / f"{name}-copy.png")
    assert diptych("collection", "create", "shop", "--model", run).code == 0
    assert diptych("collection", "add", "shop", album).code == 0
    return album


def test_groups_are_told_in_every_form(diptych: Diptych, shop: Path) -> None:
    words = ("collection", "duplicates", "shop", "--by", "picture")
    table = diptych(*words)
    assert table.code == 0, table.err
    assert "2 groups of near-identical pictures among 6: 2 could go. Nothing was removed." in table.err
    assert "found by" in table.out
    lines = [json.loads(line) for line in diptych(*words, "--json").out.splitlines()]
    assert [[item["id"] for item in line["items"]] for line in lines] == [
        ["22-copy.png", "22.png"],
        ["5-copy.png", "5.png"],
    ]
    assert lines[0]["pairs"] == [
        {
            "first": "22-copy.png", "second": "22.png", "picture": pytest.approx(1), "vector": None,
            "found_by": ["picture"],
        }
    ]  # fmt: skip
    assert lines == [json.loads(line) for line in diptych(*words, "--format", "json").out.splitlines()]
    names = ["22-copy.png", "22.png", "", "5-copy.png", "5.png"]
    assert diptych(*words, "--format", "paths").out.splitlines() == [name and str(shop / name) for name in names]
    head, first, *_ = diptych(*words, "--format", "tsv").out.splitlines()
    assert head.split("\t") == ["group", "id", "like", "picture", "vector", "found by"]
    assert first.split("\t")[:3] == ["1", "22-copy.png", "22.png"]


def test_the_threshold_and_the_filter_count(diptych: Diptych, shop: Path) -> None:
    every = diptych("collection", "duplicates", "shop", "--threshold", "0.01", "--json").out.splitlines()
    assert [len(json.loads(line)["items"]) for line in every] == [6]
    none = diptych("collection", "duplicates", "shop", "--where", "id in ('0.png', '5.png')", "--by", "picture")
    assert "0 groups of near-identical pictures among 2: 0 could go." in none.err
    wrong = diptych("collection", "duplicates", "shop", "--threshold", "2")
    assert wrong.code == 2
    assert "threshold must be above 0 and at most 1, a cosine; got 2.0." in wrong.err


def test_pictures_without_a_thumbnail_are_counted(diptych: Diptych, shop: Path) -> None:
    (shop / "0.png").unlink()
    done = diptych("collection", "duplicates", "shop")
    assert "1 picture was not compared by looks: remote ones, those of a single colour" in done.err
