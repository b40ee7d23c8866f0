"""The service does over every store what it does over a folder."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from diptych.collection import Collection
from diptych.index.address import open_store
from diptych.web.limits import Limits
from diptych.web.startup import Options
from tests.index.servers_milvus import milvus_lite_server, milvus_process, milvus_server
from tests.index.servers_postgresql import postgresql_server

from .conftest import NDJSON, Made, Running, fault, png, running, told

__all__ = ["milvus_lite_server", "milvus_process", "milvus_server", "postgresql_server"]


@pytest.fixture(params=["postgresql", pytest.param("milvus", marks=pytest.mark.thorough), "milvus_lite"])
def stored(
    request: pytest.FixtureRequest, made: Made, tiny_set: Path, own_cache: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Running]:  # fmt: skip
    """Yield a service of all squares and discs in each store that is no folder."""
    pytest.importorskip("psycopg" if request.param == "postgresql" else "pymilvus")
    monkeypatch.setenv("DIPTYCH_THREADS", "1")
    place = f"{request.getfixturevalue(f'{request.param}_server')}#shop"
    with closing(open_store(place)) as store:
        store.drop()
    with Collection.create(place, str(made.run)) as collection:
        collection.add(str(tiny_set))
    with running(Options([place], uploads=tmp_path / "uploads", limits=Limits(rate=0.0))) as started:
        yield started
    with closing(open_store(place)) as store:
        store.drop()


def test_what_is_asked_of_a_folder_is_answered_by_every_store(
    stored: Running, shop: Running, tiny_set: Path, tmp_path: Path
) -> None:
    asked = [{"k": 24}, {"where": "category = 'disc'"}, {"like": "p3", "not": ["a blue disc"]}, {"fusion": "geometric"}]
    for fields in asked:
        there, here = (each.search(**fields).raise_for_status().json() for each in (shop, stored))
        assert [hit["id"] for hit in here["hits"]] == [hit["id"] for hit in there["hits"]]
        expected = [pytest.approx(hit["similarity"], abs=1e-5) for hit in there["hits"]]
        assert [hit["similarity"] for hit in here["hits"]] == expected
        assert (here["total"], here["exact"]) == (there["total"], there["exact"])
    picture = {"image": (tiny_set / "3.png").read_bytes()}
    seen = stored.client.post("/v1/search", data={"collection": "shop", "against": "image", "k": 1}, files=picture)
    assert seen.json()["hits"][0]["id"] == "p3"
    described = [each.client.get("/v1/collections/shop").json() for each in (shop, stored)]
    assert {**described[0], "bytes": 0, "search": 0} == {**described[1], "bytes": 0, "search": 0}
    assert stored.client.get("/readyz").json() == {"status": "ready"}


def test_items_go_in_and_out_of_every_store(stored: Running, tmp_path: Path) -> None:
    client, items = stored.client, "/v1/collections/shop/items"
    put = client.put(f"{items}/a%2F%C3%A9", data={"text": "red", "columns": '{"year": 1}'}, files={"image": png()})
    assert put.json() == {"id": "a/é", "outcome": "added"}
    item = client.get(f"{items}/a%2F%C3%A9").json()
    assert (item["kind"], item["columns"]) == ("pair", {"year": 1})
    assert client.get(item["thumbnail"]).content[8:12] == b"WEBP"
    assert [hit["id"] for hit in stored.search(where="year = 1").json()["hits"]] == ["a/é"]
    assert len(list((tmp_path / "uploads").rglob("*.png"))) == 1

    rows = [{"id": f"n{k}", "text": f"number {k}", "price": k} for k in range(70)]
    rows[3]["image"] = base64.b64encode(png("blue")).decode()
    lines = "\n".join([*map(json.dumps, rows), '{"id": "bad", "image": "%"}'])
    acknowledged = told(client.post(items, content=lines, headers=NDJSON))
    assert acknowledged[-1] == {"added": 70, "updated": 0, "unchanged": 0, "rejected": 1, "done": True}
    listed = client.get(items, params={"where": "price >= 65", "limit": 3}).json()
    assert ([each["id"] for each in listed["items"]], listed["after"]) == (["n65", "n66", "n67"], "n67")
    assert client.get("/v1/collections/shop").json()["items"] == 24 + 1 + 70

    for picture in (tmp_path / "uploads").rglob("*.png"):
        picture.rename(picture.with_suffix(".gone"))
    gone = client.get(item["thumbnail"])
    assert gone.status_code == 404
    assert "this process cannot see its folder" in fault(gone)["message"]
    assert client.delete(f"{items}/a%2F%C3%A9").json() == {"removed": 1}
    assert client.get(f"{items}/a%2F%C3%A9").status_code == 404
    assert stored.search(where="year = 1").json()["hits"] == []
