import json
from pathlib import Path

import pytest
from PIL import Image

from .conftest import Diptych


def test_a_pair_is_explained_in_a_table_and_drawn(diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    done = diptych("explain", run, "--image", tiny_set / "17.png", "--text", "a red square", "--save", page)
    assert done.code == 0, done.err
    assert [done.out.count(way) for way in ("attention", "gradient", "integrated", "occlusion")] == [3, 3, 3, 3]
    assert "square" in done.out
    assert "Note: The visual space does not attend to words." in done.out
    assert page.read_text().startswith("<!doctype html>")
    assert f"Saved to {page}." in done.err


def test_a_pair_is_explained_as_json(diptych: Diptych, run: Path, tiny_set: Path) -> None:
    done = diptych("explain", run, "--image", tiny_set / "17.png", "--text", "a red square", "--json")
    record = json.loads(done.out)
    assert [space["name"] for space in record["spaces"]] == ["visual", "textual"]
    assert record["fusion"]["reference"].startswith("the 4 pictures of tiny")


def test_pixels_are_explained_and_audited_on_request(
    diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path
) -> None:
    pair = ("--image", tiny_set / "17.png", "--text", "a red square")
    record = json.loads(diptych("explain", run, *pair, "--pixels", "--save", tmp_path / "why.png", "--json").out)
    assert len(record["image"]["cells"]) == 14 * 14
    ways = record["spaces"][0]["ways"]
    assert [len(ways[way]["image"]) for way in ("pixel-gradient", "pixel-integrated", "pixel-occlusion")] == [
        14 * 14
    ] * 3
    plain = json.loads(diptych("explain", run, *pair, "--save", tmp_path / "plain.png", "--json").out)
    assert "cells" not in plain["image"]
    assert all(plain["spaces"][0]["ways"][way] == ways[way] for way in plain["spaces"][0]["ways"])
    with Image.open(tmp_path / "why.png") as closer, Image.open(tmp_path / "plain.png") as coarse:
        assert closer.width > coarse.width
    audit = json.loads(diptych("explain-audit", run, "--pairs", 1, "--pixels", "--json").out)
    assert {row["side"] for row in audit["rows"]} == {"image", "text", "pixels"}
    shop = tmp_path / "shop"
    diptych("collection", "create", shop, "--model", run)
    diptych("collection", "add", shop, tiny_set)
    done = diptych("explain", "--collection", shop, "--query", "a red square", "--hits", 1, "--pixels", "--json")
    assert len(json.loads(done.out)["image"]["cells"]) == 14 * 14


def test_the_hits_of_a_search_are_explained(diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    assert diptych("collection", "create", shop, "--model", run).code == 0
    assert diptych("collection", "add", shop, tiny_set).code == 0
    arguments = ("--collection", shop, "--query", "a red square", "--hits", 2, "--json", "--save", tmp_path / "why.png")
    done = diptych("explain", *arguments)
    assert done.code == 0, done.err
    records = [json.loads(line) for line in done.out.splitlines()]
    hits = json.loads(diptych("search", shop, "--text", "a red square", "-k", 2, "--json").out)["hits"]
    assert [record["id"] for record in records] == [hit["id"] for hit in hits]
    with Image.open(tmp_path / "why.png") as image:
        assert image.height > image.width
    by_picture = diptych("explain", "--collection", shop, "--image", tiny_set / "17.png", "--hits", 1, "--json")
    assert json.loads(by_picture.out)["text"].count("\n") == 1


def test_a_hit_whose_picture_is_gone_is_left_out_and_named(
    diptych: Diptych, run: Path, tiny_set: Path, tmp_path: Path
) -> None:
    shown = tmp_path / "shown"
    shown.mkdir()
    for k in (1, 2):
        (shown / f"{k}.png").write_bytes((tiny_set / f"{k}.png").read_bytes())
    diptych("collection", "create", tmp_path / "shop", "--model", run)
    diptych("collection", "add", tmp_path / "shop", shown)
    (shown / "1.png").unlink()
    done = diptych("explain", "--collection", tmp_path / "shop", "--query", "a red square", "--json")
    assert done.code == 0, done.err
    assert [json.loads(line)["id"] for line in done.out.splitlines()] == ["2.png"]
    assert "the picture of the item '1.png' is gone," in done.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "give either a run or a collection."),
        (("RUN", "--collection", "C"), "give either a run or a collection."),
        (("RUN", "--image", "a.png"), "to explain a pair with a run, give a picture and a text."),
        (("--collection", "C"), "give either a text or a picture."),
        (("RUN", "--query", "a"), "only for the other kind of explanation"),
        (("--collection", "C", "--text", "a"), "only for the other kind of explanation"),
    ],
)
def test_what_does_not_go_together_is_refused(
    diptych: Diptych, run: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    done = diptych("explain", *(run if each == "RUN" else each for each in arguments))
    assert done.code == 2
    assert sentence in " ".join(done.err.replace("│", " ").split())


def test_explanations_are_audited_on_a_split(diptych: Diptych, run: Path, tmp_path: Path) -> None:
    curves = tmp_path / "curves.png"
    done = diptych("explain-audit", run, "--split", "test", "--pairs", 2, "--json", "--save", curves)
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["data"], told["split"], told["pairs"]) == ("tiny", "test", 2)
    assert {(row["space"], row["side"]) for row in told["rows"]} == {
        (space, side) for space in ("visual", "textual") for side in ("image", "text")
    }
    assert {row["way"] for row in told["rows"] if (row["space"], row["side"]) == ("visual", "image")} == {
        "attention", "gradient", "integrated", "occlusion",
    }  # fmt: skip
    with Image.open(curves) as image:
        assert image.height > 600
    assert "2 pairs" in diptych("explain-audit", run, "--pairs", 2).out
