"""Items that are handed over bring their pictures, which stay as long as an item names them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from diptych.collection import Collection
from diptych.index.address import open_store
from diptych.ingest.handed_over import NewItem
from diptych.ingest.upserting import upsert_entries


def files_of(collection: Collection, place: Path) -> tuple[list[str | None], list[str]]:
    """Return what the item `new` names, and the files of pictures that there are."""
    return list(collection.table.read(["new"]).images), [str(path) for path in place.rglob("pictures/*/*.png")]


def test_a_picture_goes_with_the_last_item_that_names_it(shop: Collection, tiny_set: Path) -> None:
    place, first, second = Path(shop.uri), *((tiny_set / f"{n}.png").read_bytes() for n in (1, 2))
    shop.put([NewItem({"id": "new", "text": "one"}, first)])
    named, there = files_of(shop, place)
    assert named == there
    shop.put([NewItem({"id": "new", "text": "another"}, second)])
    assert files_of(shop, place)[0] == files_of(shop, place)[1] != named
    shop.remove(["new"])
    assert files_of(shop, place) == ([], [])


def test_a_collection_without_pictures_of_its_own_gets_no_folder_for_them(shop: Collection) -> None:
    shop.put([NewItem({"id": "new", "text": "one"})])
    shop.remove(["new", "p1"])
    assert not (Path(shop.uri) / "pictures").exists()


def test_a_picture_stays_where_its_item_is_taken_out_and_comes_again_at_once(
    shop: Collection, tiny_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = (tiny_set / "1.png").read_bytes()
    shop.put([NewItem({"id": "new", "text": "one"}, picture)])
    kept, go_on = threading.Event(), threading.Event()

    def slow(*given: Any, **named: Any) -> Any:
        kept.set()
        assert go_on.wait(60)
        return upsert_entries(*given, **named)

    monkeypatch.setattr("diptych.ingest.handed_over.upsert_entries", slow)
    with Collection(open_store(shop.uri), shop.uri) as other, ThreadPoolExecutor(2) as pool:
        putting = pool.submit(shop.put, [NewItem({"id": "new", "text": "again"}, picture)])
        assert kept.wait(60)
        removing = pool.submit(other.remove, ["new"])
        while other.table.count() == 25:  # until the item is out
            time.sleep(0.01)
        assert not removing.done()
        go_on.set()
        assert putting.result()[0].added == 1
        assert removing.result() == 1
    named, there = files_of(shop, Path(shop.uri))
    assert named == there != []
