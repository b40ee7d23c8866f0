import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from diptych.data.sources import open_data
from diptych.request_fields import options_of
from diptych.results import Hit, Results
from diptych.retriever import Retriever
from diptych.search_request import SearchRequest

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


def test_a_search_needs_something_to_look_for(diptych: Diptych, run: Path) -> None:
    done = diptych("search", run)
    assert done.code == 2
    assert "a search needs a text, an image or the id of an item; pass at least one." in done.err


def test_a_query_picture_that_is_missing_is_named(diptych: Diptych, run: Path, tmp_path: Path) -> None:
    done = diptych("search", run, "--image", tmp_path / "gone.png")
    assert done.code == 2
    assert "gone.png', is not a file. Give the path of a picture." in done.err


def test_a_query_that_is_no_picture_is_named(diptych: Diptych, run: Path, tmp_path: Path) -> None:
    (tmp_path / "note.jpg").write_text("not a picture")
    done = diptych("search", run, "--image", tmp_path / "note.jpg")
    assert done.code == 2
    assert "note.jpg' cannot be decoded" in done.err


def test_no_hit_and_an_empty_sentence_are_refused(diptych: Diptych, run: Path) -> None:
    none, empty = diptych("search", run, "--text", "disc", "-k", 0), diptych("search", run, "--text", " ")
    assert (none.code, empty.code) == (2, 2)
    assert "Invalid value for '-k'" in none.err
    assert "must be valid Unicode" in diptych("search", run, "--text", "caf\udce9").err
    assert empty.err == "Error: the text to search for is empty. Write a few words.\n"


def test_words_of_a_query_that_nobody_knows_are_told(diptych: Diptych, run: Path) -> None:
    done = diptych("search", run, "--text", "disc zzqqxx", "--json")
    assert json.loads(done.out)["unknown_words"] == 0.5
    assert "The text encoder does not know 50% of the query's words." in done.err
    assert "unknown" not in diptych("search", run, "--text", "a disc").err


def test_the_credit_of_pictures_stands_beside_them(
    diptych: Diptych, run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dataset = open_data("openmoji")
    hits = tuple(Hit(each.id, 1.0, {}, each.image, each.texts, each.categories) for each in dataset.pairs[:2])
    found = Results("a face", hits, dataset.attribution)
    monkeypatch.setattr(Retriever, "search", lambda *_, **__: found)
    assert "designed by OpenMoji" in diptych("search", run, "--text", "a face").out
    drawn = diptych("search", run, "--text", "a face", "--json", "--save", tmp_path / "with.png")
    assert "CC BY-SA 4.0" in json.loads(drawn.out)["attribution"]
    replace(found, attribution="").save(tmp_path / "without.png")
    with Image.open(tmp_path / "with.png") as credited, Image.open(tmp_path / "without.png") as bare:
        assert credited.height > bare.height


def test_fewer_pairs_than_asked_for_are_all_found(diptych: Diptych, run: Path) -> None:
    assert len(json.loads(diptych("search", run, "--text", "disc", "-k", 99, "--json").out)["hits"]) == 24


def test_every_field_of_a_request_is_an_option_with_its_sentence(diptych: Diptych) -> None:
    told = " ".join(diptych("search", "--help").out.split())
    for option in options_of(SearchRequest):
        assert f" {option.flag} {option.metavar or ''}" in told
        assert option.doc in told


def hits_of(diptych: Diptych, run: Path, *options: object) -> list[str]:
    done = diptych("search", run, *options, "--json")
    assert done.code == 0, done.err
    return [hit["id"] for hit in json.loads(done.out)["hits"]]


def test_every_option_works_for_a_run_as_for_a_collection(diptych: Diptych, run: Path, tiny_set: Path) -> None:
    plain = hits_of(diptych, run, "--text", "a red square", "-k", 24)
    assert hits_of(diptych, run, "--text", "a red square", "--offset", 3, "-k", 4) == plain[3:7]
    squares = hits_of(diptych, run, "--text", "a red square", "--where", "category = 'square'", "-k", 24)
    assert squares == [each for each in plain if each in set(squares)]
    assert len(squares) == 12
    like = hits_of(diptych, run, "--like", "p1", "-k", 24)
    assert "p1" not in like
    assert len(like) == 23
    assert hits_of(diptych, run, "--text", "a red square", "--not", "a red disc", "-k", 24) != plain
    both = ("--text", "a red square", "--image", tiny_set / "0.png", "-k", 24)
    assert hits_of(diptych, run, *both, "--balance", 1.0) == plain
    assert len(hits_of(diptych, run, "--text", "a red square", "--against", "text", "-k", 24)) == 24


def test_only_a_collection_says_where_its_run_lies_now(diptych: Diptych, run: Path) -> None:
    done = diptych("search", run, "--text", "a", "--model", run)
    assert done.code == 2
    assert "only for searches of a collection." in " ".join(done.err.split())


@pytest.mark.parametrize("verb", ["search", "explain", "explain-audit"])
def test_a_suffix_that_names_no_format_is_refused_before_anything_is_done(
    diptych: Diptych, tmp_path: Path, verb: str
) -> None:
    done = diptych(verb, tmp_path / "no run at all", "--save", tmp_path / "o.gif")
    assert done.code == 2
    assert ".png, .jpg, .jpeg, .webp or .pdf; got '.gif' in" in done.err


def test_hits_are_saved_as_what_the_suffix_says(diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path) -> None:
    done = diptych("search", run, "--data", tiny_set, "--text", "a red square", "--save", tmp_path / "o.jpg")
    assert done.code == 0, done.err
    with Image.open(tmp_path / "o.jpg") as image:
        assert image.format == "JPEG"


def test_hits_are_printed_as_paths_or_as_tab_separated_values(diptych: Diptych, run: Path, tiny_set: Path) -> None:
    plain = json.loads(diptych("search", run, "--text", "a red square", "-k", 3, "--json").out)
    assert json.loads(diptych("search", run, "--text", "a red square", "-k", 3, "--format", "json").out) == plain
    paths = diptych("search", run, "--text", "a red square", "-k", 3, "--format", "paths").out.splitlines()
    assert paths == [hit["image"] for hit in plain["hits"]]
    assert all(Path(path).is_relative_to(tiny_set) for path in paths)
    lines = diptych("search", run, "--text", "a red square", "-k", 3, "--format", "tsv").out.splitlines()
    head, *rows = [line.split("\t") for line in lines]
    assert head == ["rank", "similarity", "id", "category", "text"]
    assert [row[2] for row in rows] == [hit["id"] for hit in plain["hits"]]
    assert float(rows[0][1]) == plain["hits"][0]["similarity"]
    assert diptych("search", run, "--text", "a", "--format", "xml").code == 2


def test_a_place_where_nothing_is_is_said_to_be_neither_a_run_nor_a_collection(diptych: Diptych) -> None:
    done = diptych("search", "nowhere", "--text", "a")
    assert done.code == 2
    assert done.err.startswith(
        "Error: there is no run and no collection at nowhere. Make one: diptych train mcsm --data"
    )
