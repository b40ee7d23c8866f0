"""`diptych search URL`: the command line asks a service, and shows what it answers as it shows its own results."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from diptych.collection import Collection
from diptych.web.startup import Options
from tests.cli.conftest import Diptych, diptych
from tests.web.conftest import Made, Running, running

__all__ = ["diptych"]


def place_of(service: Running, name: str = "") -> str:
    return f"http://127.0.0.1:{service.port}/{name}"


def test_a_service_answers_as_the_collection_does(diptych: Diptych, shop: Running, made: Made) -> None:
    asked = ("--text", "a red square", "-k", 4, "--json")
    there, here = diptych("search", place_of(shop, "shop"), *asked), diptych("search", made.place, *asked)
    assert there.code == 0, there.err
    told, own = json.loads(there.out), json.loads(here.out)
    for field in ("id", "similarity", "spaces", "texts", "categories"):
        assert [hit[field] for hit in told["hits"]] == [pytest.approx(hit[field]) for hit in own["hits"]]
    assert told["query"] == "a red square"


def test_a_picture_is_sent_and_the_hits_are_drawn(
    diptych: Diptych, shop: Running, tiny_set: Path, tmp_path: Path
) -> None:
    sheet, place = tmp_path / "hits.png", place_of(shop, "shop")
    query = ("--image", tiny_set / "17.png", "--against", "image")
    done = diptych("search", place, *query, "-k", 2, "--save", sheet, "--format", "tsv")
    assert done.code == 0, done.err
    assert len(done.out.splitlines()) == 3
    with Image.open(sheet) as image:
        assert image.width > 500


def test_the_only_collection_need_not_be_named(diptych: Diptych, shop: Running) -> None:
    assert diptych("search", place_of(shop), "--text", "a disc").code == 0


def test_several_collections_have_to_be_told_apart(
    diptych: Diptych, made: Made, tmp_path: Path, own_cache: Path
) -> None:
    Collection.create(tmp_path / "barn", made.run).close()
    with running(Options([str(made.place), str(tmp_path / "barn")])) as both:
        done = diptych("search", place_of(both), "--text", "a disc")
        assert done.code == 2
        assert f"serves the collections shop, barn. Name the one to search: {place_of(both, 'shop')}." in done.err
        assert "there is no collection 'shed'" in diptych("search", place_of(both, "shed"), "--text", "a disc").err


def test_a_key_comes_from_the_environment(
    diptych: Diptych, made: Made, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.json"
    key = diptych("keys", "add", "me", "--keys", keys).out.strip()
    with running(Options([str(made.place)], keys=keys)) as locked:
        refused = diptych("search", place_of(locked, "shop"), "--text", "a disc")
        assert refused.code == 2
        assert "Put the key into the variable DIPTYCH_KEY." in refused.err
        monkeypatch.setenv("DIPTYCH_KEY", key)
        assert diptych("search", place_of(locked, "shop"), "--text", "a disc").code == 0


def test_what_a_service_cannot_do_is_refused(diptych: Diptych, shop: Running, tmp_path: Path) -> None:
    place = place_of(shop, "shop")
    assert (
        "a service does not tell where its pictures lie."
        in diptych("search", place, "--text", "a disc", "--format", "paths").err
    )
    assert (
        "only for searches of the data set of a run."
        in diptych("search", place, "--text", "a disc", "--split", "test").err
    )
    assert (
        "only for searches of a collection on this machine."
        in diptych("search", place, "--text", "a disc", "--model", tmp_path).err
    )
    assert "a search needs a text, an image or the id of an item" in diptych("search", place).err


@pytest.mark.parametrize("url", ["http://[shop", "http://localhost:first/shop"])
def test_a_url_that_is_none_is_named(diptych: Diptych, url: str) -> None:
    done = diptych("search", url, "--text", "a disc")
    assert done.code == 2
    assert "is not a URL" in done.err
    assert "Give one such as http://localhost:8000" in done.err


def test_no_network_is_loaded_to_ask_a_service() -> None:
    program = "import diptych.cli.served, sys; print([name for name in ('torch', 'lancedb') if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
        == "[]"
    )


def test_a_service_that_is_not_there_is_named(diptych: Diptych, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.client.client.PAUSE", 0.01)
    assert (
        "no service answers at http://127.0.0.1:9"
        in diptych("search", "http://127.0.0.1:9/shop", "--text", "a disc").err
    )
