"""Albums, collections and pictures that were moved: hits lead to the pictures, and nothing is encoded anew."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diptych.collection import Added, Collection, NewItem, StoredCollection, readable
from diptych.data.addresses import Address, picture_at, picture_digest
from diptych.data.entries import Entry
from diptych.errors import BadSetting, MissingData
from diptych.ingest.item_embedding import ItemDigest
from diptych.modality import MODALITIES
from diptych.retriever import Retriever
from tests.cli.conftest import Diptych, diptych

from .conftest import QUERY, MakeCollection, found

__all__ = ["diptych"]


@pytest.fixture
def album(tiny_set: Path, tmp_path: Path) -> Path:
    """Return a folder of eight pictures in two folders."""
    for k in range(8):
        folder = tmp_path / "album" / ("odd" if k % 2 else "even")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(tiny_set / f"{k}.png", folder)
    return tmp_path / "album"


def pictures_of(collection: StoredCollection) -> set[str]:
    return {str(path) for path in collection.items().images}


def vectors_of(collection: Collection) -> dict[str, np.ndarray]:
    items = collection.table.read(vectors=MODALITIES)
    return {side: items.vectors[side].rows for side in MODALITIES}


def as_before(collection: Collection) -> None:
    """Write a collection as it was stored when all paths were absolute and part of one digest."""
    table = collection.store.table(collection.record.table)
    items, whole = table.read(vectors=MODALITIES), collection.items()
    contents = []
    for k, identity in enumerate(whole.ids):
        picture = picture_at(str(whole.images[k]))
        entry = Entry(identity, picture, whole.texts[k], "", whole.metadata[k])
        contents.append(ItemDigest.of(entry, picture_digest(picture)).older)
    table.write(replace(items, contents=tuple(contents), images=whole.images))
    collection.store.remember({name: v for name, v in collection.record.to_json().items() if name != "id"})


def test_a_moved_album_keeps_finding_its_pictures_and_its_items_are_unchanged(
    album: Path, run: Retriever, tmp_path: Path
) -> None:
    with Collection.create(album, run.folder.path) as collection:
        assert collection.add(album) == Added(added=8)
        assert pictures_of(collection) == {str(path) for path in album.glob("*/*.png")}
        stored = collection.store.table(collection.record.table).read().images
        assert {path and path[:3] for path in stored} == {"../"}
    moved = shutil.move(album, tmp_path / "elsewhere")
    with Collection.open(moved) as collection:
        results = collection.search(QUERY, k=8)
        assert results.missing == 0
        assert {str(hit.image) for hit in results.hits} == {str(path) for path in Path(moved).glob("*/*.png")}
        assert pictures_of(StoredCollection.at(moved)) == pictures_of(collection)
        assert collection.explain(results.hits[0].id, text=QUERY).spaces
        assert collection.add(moved) == Added(unchanged=8)


def test_a_tar_in_an_album_moves_with_it(album: Path, tiny_tar: Path, run: Retriever, tmp_path: Path) -> None:
    shutil.copy(tiny_tar, album / "more.tar")
    with Collection.create(album, run.folder.path) as collection:
        assert collection.add(album / "more.tar").added == 24
    moved = Path(shutil.move(album, tmp_path / "elsewhere"))
    with Collection.open(moved) as collection:
        picture = readable(collection.items().images[0], identity="first")
        assert isinstance(picture, Address)
        assert picture.place == str(moved / "more.tar")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert collection.add(moved / "more.tar") == Added(unchanged=24)
        assert collection.search(QUERY).missing == 0
        (moved / "more.tar").unlink()
        assert collection.search(QUERY, k=5).missing == 5


def test_an_album_behind_a_link_is_the_same_album(album: Path, run: Retriever, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(album)
    with Collection.create(tmp_path / "link", run.folder.path) as collection:
        assert collection.add(album) == Added(added=8)
        assert collection.add(tmp_path / "link") == Added(unchanged=8)


def test_a_moved_collection_keeps_the_pictures_that_were_handed_over(
    make: MakeCollection, tiny_set: Path, tmp_path: Path
) -> None:
    item = NewItem({"id": "new", "text": "one"}, (tiny_set / "1.png").read_bytes())
    with make() as collection:
        collection.put([item])
    place = Path(shutil.move(tmp_path / "shop", tmp_path / "moved"))
    with Collection.open(place) as collection:
        (picture,) = pictures_of(collection)
        assert Path(picture).is_file()
        assert Path(picture).is_relative_to(place / "pictures")
        assert collection.put([item])[0] == Added(unchanged=1)
        assert collection.explain("new", text=QUERY).spaces
        collection.remove(["new"])
        assert not Path(picture).exists()


def test_a_collection_that_got_a_picture_is_found_by_its_path(
    make: MakeCollection, tiny_set: Path, tmp_path: Path, diptych: Diptych, monkeypatch: pytest.MonkeyPatch
) -> None:
    with make() as collection:
        collection.put([NewItem({"id": "new", "text": "a red square"}, (tiny_set / "1.png").read_bytes())])
    monkeypatch.chdir(tmp_path)
    for place in ("shop", "./shop/", str(tmp_path / "shop")):
        assert Collection.open(place).ids() == ["new"]
        assert StoredCollection.at(place).ids() == ["new"]
        assert not Collection.open(place).has_source
        done = diptych("search", place, "--text", QUERY, "--json")
        assert [hit["id"] for hit in json.loads(done.out)["hits"]] == ["new"]
        with pytest.raises(BadSetting, match="a collection already exists at"):
            Collection.create(place, "conse")
    assert json.loads(diptych("collection", "stats", "shop", "--json").out)["items"] == 1
    assert not (tmp_path / "shop" / ".diptych").exists()


def test_a_file_that_is_called_like_a_record_leaves_an_album_an_album(album: Path, run: Retriever) -> None:
    (album / "record.json").write_text(json.dumps({"artist": "nobody"}))
    with Collection.create(album, run.folder.path) as collection:
        assert collection.has_source
    assert (album / ".diptych" / "record.json").is_file()
    (album / "record.json").write_text("no JSON")
    assert Collection.open(album).has_source


def test_pictures_that_were_moved_alone_are_told_and_not_encoded_again(
    album: Path, make: MakeCollection, tmp_path: Path, diptych: Diptych
) -> None:
    with make(album) as collection:
        before = vectors_of(collection)
        new = shutil.move(album, tmp_path / "photos")
        results = collection.search(QUERY, k=5)
        assert (results.missing, len(results.missing_pictures)) == (5, 5)
        told = " ".join(diptych("search", collection.uri, "--text", QUERY, "-k", 5, "--save", "hits.png").err.split())
        assert f"5 of 5 pictures are not found: {results.hits[0].image}." in told
        assert "diptych collection moved COLLECTION OLD NEW" in told
        assert "Saved the hits to hits.png" in told
        done = diptych("collection", "moved", collection.uri, album, new)
        assert f"8 pictures are looked for in {new} from now on." in " ".join(done.err.split())
        assert collection.search(QUERY, k=8).missing == 0
        assert pictures_of(collection) == {str(path) for path in Path(new).glob("*/*.png")}
        assert all(np.array_equal(before[side], vectors_of(collection)[side]) for side in MODALITIES)
        assert collection.add(new) == Added(unchanged=8)
        assert json.loads(diptych("collection", "moved", collection.uri, new, new, "--json").out) == {"moved": 8}


def test_what_cannot_have_been_moved_is_refused(album: Path, make: MakeCollection, tmp_path: Path) -> None:
    with make(album) as collection:
        with pytest.raises(MissingData, match=f"'{tmp_path}/nowhere' does not exist. Name the folder"):
            collection.moved(album, tmp_path / "nowhere")
        with pytest.raises(BadSetting, match=f"no picture of this collection lies below '{album}/ev'. See where"):
            collection.moved(album / "ev", album)


def test_an_older_collection_goes_on_and_its_items_are_unchanged(
    album: Path, make: MakeCollection, tmp_path: Path
) -> None:
    with make(album) as made:
        as_before(made)
    with Collection.open(made.uri) as collection:
        assert collection.record.id is None
        assert collection.add(album) == Added(unchanged=8)
        assert collection.search(QUERY, k=8).missing == 0
        new = shutil.move(album, tmp_path / "photos")
        assert collection.moved(album, new) == 8
        assert collection.add(new) == Added(unchanged=8)
        assert found(collection, QUERY, k=8)


def test_compacting_removes_pictures_that_no_item_names(shop: Collection, tiny_set: Path) -> None:
    place = Path(shop.uri) / "pictures"
    shop.put([NewItem({"id": "new", "text": "one"}, (tiny_set / "1.png").read_bytes())])
    (kept,) = place.glob("*/*.png")
    left = place / "00" / f"{'0' * 32}-{'f' * 32}.png"
    left.parent.mkdir(exist_ok=True)
    part, mine = left.parent / f".{left.name}.a1b2.png", place / "00" / "mine.png"
    for file in (left, part, mine):
        file.write_bytes(kept.read_bytes())
    shop.compact()
    assert {path.name for path in place.rglob("*.png")} == {kept.name, mine.name}
    assert shop.explain("new", text=QUERY).spaces


def test_compacting_removes_nothing_from_a_folder_that_a_link_leads_to(shop: Collection, tmp_path: Path) -> None:
    (tmp_path / "photos" / "ab").mkdir(parents=True)
    photo = tmp_path / "photos" / "ab" / "holiday.png"
    photo.write_bytes(b"mine")
    (Path(shop.uri) / "pictures").symlink_to(tmp_path / "photos")
    shop.compact()
    assert photo.read_bytes() == b"mine"
