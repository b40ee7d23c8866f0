"""Collections that somebody else made, or tampered with: they reach no table and no file outside their own folders."""

import io
import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from diptych.collection import Collection, NewItem, StoredCollection, readable
from diptych.collection.records import CollectionRecord
from diptych.data.addresses import is_withheld
from diptych.errors import BadSetting, DiptychError, MissingData
from diptych.index.address import open_store
from diptych.index.contract import Layout
from diptych.modality import MODALITIES
from diptych.retriever import Retriever
from tests.cli.conftest import Diptych, diptych

from .conftest import QUERY, MakeCollection, items_file
from .test_records import NEXT
from .test_stores import milvus_lite_server, milvus_process, milvus_server, postgresql_server, uri

__all__ = ["diptych", "milvus_lite_server", "milvus_process", "milvus_server", "postgresql_server", "uri"]

NAMES = ["../victim", "items_1/../../victim", "victim", "/etc", "items_", "items_１", "items_1\n", "bases_1", 5, None]


def tampered(record: dict[str, Any], field: str, name: object) -> dict[str, Any]:
    """Return a record with another name of a table in a field."""
    return {**record, "next": {**NEXT, "table": name}} if field == "next" else {**record, field: name}


@pytest.mark.parametrize("field", ["table", "previous", "next"])
@pytest.mark.parametrize("name", NAMES)
def test_a_record_names_no_table_but_those_of_a_collection(
    name: object, field: str, shop: Collection, tmp_path: Path
) -> None:
    victim = tmp_path / "victim.lance" / "_versions"
    victim.mkdir(parents=True)
    (victim / "1.manifest").write_bytes(b"precious")
    shop.store.remember(tampered(shop.record.to_json(), field, name))
    if (field, name) == ("previous", None):
        assert shop.record.previous is None
        return
    for use in (lambda: Collection.open(shop.uri), lambda: StoredCollection.at(shop.uri), shop.compact, shop.stats):
        with pytest.raises(BadSetting, match=r"the record of this collection names the table .* tampered with"):
            use()
    assert (victim / "1.manifest").read_bytes() == b"precious"


@pytest.mark.parametrize("field", ["table", "previous", "next"])
def test_no_store_drops_a_table_of_another_name(field: str, uri: str, run: Retriever) -> None:
    with Collection.create(uri, str(run.folder.path)) as collection, closing(open_store(uri)) as store:
        store.create_table("victim", Layout({"image": 4, "text": 4}))
        record = store.record()
        assert record is not None
        store.remember(tampered(record, field, "victim"))
        for use in (collection.compact, lambda: Collection.open(uri)):
            with pytest.raises(BadSetting, match="names the table 'victim'"):
                use()
        assert "victim" in store.tables()


@pytest.mark.parametrize(
    "record", [{"format": 1}, {"format": 1, "table": "items_1"}, {"format": 1, "table": "items_1", "model": {}}]
)
def test_a_damaged_record_is_told_in_a_sentence(record: Any, shop: Collection) -> None:
    (Path(shop.uri) / "record.json").write_text(json.dumps(record))
    with pytest.raises(BadSetting, match=r"the record of the collection at .* is damaged .* Restore it from a backup"):
        Collection.open(shop.uri)


@pytest.mark.parametrize("part", ["items_1.lance", "bases_1.lance", "items_1.lance/data"])
def test_a_table_that_is_a_link_is_not_opened(part: str, shop: Collection, tmp_path: Path) -> None:
    place = Path(shop.uri) / part
    shutil.move(place, tmp_path / "victim") if place.exists() else (tmp_path / "victim").mkdir()
    place.symlink_to(tmp_path / "victim")
    for opens in (Collection.open, StoredCollection.at):
        with pytest.raises(BadSetting, match=f"'{place}' is a link, and a collection's tables lie in its own folder"):
            opens(shop.uri)


def test_a_lock_that_is_a_link_does_not_empty_the_file_behind_it(
    shop: Collection, tiny_set: Path, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("precious")
    (Path(shop.uri) / "pictures").mkdir()
    (Path(shop.uri) / "pictures" / "lock").symlink_to(tmp_path / "precious")
    with pytest.raises(BadSetting, match="is a link"):
        shop.put([NewItem({"id": "new", "text": "one"}, (tiny_set / "1.png").read_bytes())])
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.fixture
def secret(tiny_set: Path, tmp_path: Path) -> Path:
    """Return a private picture of this machine's user."""
    (tmp_path / "private").mkdir()
    return Path(shutil.copy(tiny_set / "3.png", tmp_path / "private" / "secret.png"))


Foreign = Callable[..., Path]


@pytest.fixture
def foreign(make: MakeCollection, tiny_set: Path, tmp_path: Path) -> Foreign:
    """Return a function that makes a collection as somebody else did, with a stored path of the given kind."""

    def made(path: str) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("XDG_CONFIG_HOME", str(tmp_path / "of somebody else"))
            with make() as collection:
                collection.put([NewItem({"id": "item", "text": "a"}, (tiny_set / "1.png").read_bytes())])
                table = collection.store.table(collection.record.table)
                table.write(replace(table.read(vectors=MODALITIES), images=(path,)))
        return Path(collection.uri)

    return made


def test_a_picture_outside_its_folders_is_neither_shown_nor_drawn_nor_explained(
    foreign: Foreign, secret: Path, tmp_path: Path, diptych: Diptych, run: Retriever
) -> None:
    place = foreign(str(secret))
    with Collection.open(place) as collection:
        results = collection.search(QUERY)
        (hit,) = results.hits
        assert hit.image is not None
        assert not Path(str(hit.image)).exists()
        assert results.missing == 1
        with pytest.raises(MissingData, match=r"'item' lies outside the collection's own folders.*--pictures-from DIR"):
            collection.explain("item", text=QUERY)
        with pytest.raises(BadSetting, match="lies outside the collection's own folders"):
            collection.reencode("conse", image_encoder="efficientnet-lite0")
        assert collection.remove(["item"]) == 1
    assert secret.exists()
    place = foreign(str(secret)) if shutil.rmtree(place) is None else place
    told = diptych("search", place, "--text", QUERY, "--save", tmp_path / "hits.png")
    assert f"1 of 1 picture is not read, since they were not added to this collection on this machine: {secret}" in (
        " ".join(told.err.split())
    )
    allowed = diptych("search", place, "--text", QUERY, "--json", "--pictures-from", secret.parent)
    assert json.loads(allowed.out)["missing"] == 0
    with Collection.open(place, pictures_from=[secret.parent]) as collection:
        assert collection.explain("item", text=QUERY).spaces


PATHS: dict[str, Callable[[Path, Path], str]] = {
    "a private picture": lambda place, secret: str(secret),
    "one by a detour": lambda place, secret: f"{place}/pictures/../../private/secret.png",
    "a relative one": lambda place, secret: "../private/secret.png",
    "a longer detour": lambda place, secret: "pictures/../../private/secret.png",
    "a piece of a file": lambda place, secret: f"{secret}#x@0+10",
    "a device": lambda place, secret: "/dev/zero#x@0+3000000000",
    "what the kernel makes up": lambda place, secret: "/proc/self/environ",
    "a piece of that": lambda place, secret: "/proc/self/environ#x.png@0+10",
    "an address": lambda place, secret: "http://127.0.0.1:9/secret.png",
    "a local address": lambda place, secret: f"file://{secret}",
    "a cell": lambda place, secret: f"{secret}#image@0",
}


@pytest.mark.parametrize("kind", PATHS)
def test_no_stored_path_leads_out_of_a_foreign_collection(
    kind: str, foreign: Foreign, secret: Path, tmp_path: Path
) -> None:
    with Collection.open(foreign(PATHS[kind](tmp_path / "shop", secret))) as collection:
        (path,) = collection.items().images
        assert path is not None
        assert is_withheld(path)
        (hit,) = collection.search(QUERY).hits
        assert hit.image is not None
        with pytest.raises((OSError, DiptychError)):
            hit.image.read_bytes()
        with pytest.raises(MissingData, match="lies outside the collection's own folders"):
            readable(path, identity="item")


def test_a_link_and_a_chain_of_addresses_lead_nowhere_either(foreign: Foreign, secret: Path) -> None:
    place = foreign("pictures/link.png")
    (place / "pictures" / "link.png").symlink_to(secret)
    with Collection.open(place) as collection:
        assert is_withheld(str(collection.items().images[0]))
    shutil.rmtree(place)
    place = foreign(f"simplecache::file://{secret}#x@0+10")
    with Collection.open(place) as collection:
        assert collection.search(QUERY).missing == 1
        with pytest.raises(MissingData, match="is gone"):
            collection.explain("item", text=QUERY)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "pipe.png")
    return tmp_path / "pipe.png"


@pytest.mark.parametrize(
    "path", ["/proc/self/environ", "/dev/zero#x@0+3000000000", "/proc/self/environ#x@0+9", "pipe", "beyond"]
)
def test_what_is_no_file_is_never_read_even_where_everything_is_allowed(
    path: str, foreign: Foreign, secret: Path, pipe: Path, tmp_path: Path
) -> None:
    named = {"pipe": str(pipe), "beyond": f"{secret}#x@0+3000000000"}.get(path, path)
    with Collection.open(foreign(named), pictures_from=["/"]) as collection:
        results = collection.search(QUERY)
        results.save(tmp_path / "hits.png") if path != "beyond" else None
        with pytest.raises(DiptychError, match=r"gone|lies outside|not a file on a disk|ends before"):
            collection.explain("item", text=QUERY)


def test_a_users_own_collection_goes_on_showing_what_was_added(
    make: MakeCollection, secret: Path, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make(secret.parent, items_file(tmp_path / "rows", {"id": "p", "text": "x"})) as collection:
        assert collection.search(QUERY, k=9).missing == 0
        line = json.dumps({"id": "piped", "image": str(tiny_set / "5.png"), "text": "x"})
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{line}\n".encode())))
        collection.add("-")
    copied = shutil.copytree(tmp_path / "shop", tmp_path / "copied")
    with Collection.open(copied) as again:
        assert again.search(QUERY, k=9).missing == 0
        assert again.explain("piped", text=QUERY).spaces
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "of somebody else"))
    with Collection.open(copied) as elsewhere:
        assert elsewhere.search(QUERY, k=9).missing == 2


def test_a_machine_that_can_remember_nothing_reads_what_was_just_added(
    make: MakeCollection, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with make(secret.parent) as collection:
        assert collection.search(QUERY).missing == 0


def test_a_collections_id_is_kept_in_its_record(shop: Collection) -> None:
    value = shop.record.to_json()
    assert len(value["id"]) == 32
    assert CollectionRecord.from_json(value).to_json() == value
