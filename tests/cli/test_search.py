import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

from .conftest import Diptych


def test_a_sentence_finds_pictures(diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "hits.png"
    done = diptych("search", run, "--data", tiny_set, "--text", "a red square", "-k", 3, "--json", "--save", sheet)
    assert done.code == 0, done.err
    hits = json.loads(done.out)["hits"]
    assert len(hits) == 3
    assert [hit["similarity"] for hit in hits] == sorted((hit["similarity"] for hit in hits), reverse=True)
    assert Path(hits[0]["image"]).is_file()
    assert hits[0]["spaces"].keys() == {"visual", "textual"}
    with Image.open(sheet) as image:
        assert image.width > 500


def test_a_picture_finds_texts_and_the_table_shows_them(diptych: Diptych, run: Path, tiny_set: Path) -> None:
    out = diptych("search", run, "--image", tiny_set / "17.png", "--split", "test").out
    assert out.count("a red square") + out.count("a blue disc") == 4
    assert "similarity" in out


def test_a_sentence_is_read_from_stdin(diptych: Diptych, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a blue disc\n"))
    assert json.loads(diptych("search", run, "--text", "-", "--json").out)["query"] == "a blue disc"


@pytest.mark.parametrize("arguments", [(), ("--text", "a", "--image", "b.png")])
def test_a_search_has_exactly_one_query(diptych: Diptych, run: Path, arguments: tuple[str, ...]) -> None:
    done = diptych("search", run, *arguments)
    assert done.code == 2
    assert "give one of the two, a sentence or a picture." in done.err


def test_a_query_picture_that_is_missing_is_named(diptych: Diptych, run: Path, tmp_path: Path) -> None:
    done = diptych("search", run, "--image", tmp_path / "gone.png")
    assert done.code == 2
    assert "gone.png" in done.err


def test_fewer_pairs_than_asked_for_are_all_found(diptych: Diptych, run: Path) -> None:
    assert len(json.loads(diptych("search", run, "--text", "disc", "-k", 99, "--json").out)["hits"]) == 24
