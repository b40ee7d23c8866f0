"""What a page begins with: newest pictures, queries to try, facets."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import NDJSON, Running, Serve, fault, png

PLACE = "/v1/collections/shop/overview"
ITEMS = "/v1/collections/shop/items"


@pytest.fixture
def own(serve: Serve) -> Iterator[Running]:
    """Return a service of a collection to be changed."""
    with serve() as started:
        yield started


def test_categories_are_counted_and_queries_are_texts_of_the_collection(own: Running) -> None:
    found = own.client.get(PLACE).json()
    facets = [("category", sorted((each["value"], each["items"]) for each in f["values"])) for f in found["facets"]]
    assert facets == [("category", [("disc", 12), ("square", 12)])]
    listed = own.client.get(ITEMS, params={"limit": 24}).json()["items"]
    texts = {text.removesuffix(".") for item in listed for text in item["texts"]}
    assert len(found["queries"]) == len(set(found["queries"])) == 6
    assert set(found["queries"]) <= texts
    assert {item["id"] for item in found["newest"]} == {item["id"] for item in listed}
    assert found["surveyed"] == 24
    assert set(found["newest"][0]) == set(listed[0])


def test_the_newest_pictures_come_first_and_the_next_request_sees_a_write(own: Running, tmp_path: Path) -> None:
    before = own.client.get(PLACE).json()
    for name, time in {"new": 4_000_000_000, "newer": 4_000_003_600, "old": 1_000}.items():
        kept = set((tmp_path / "shop").rglob("*.png"))
        own.client.put(f"{ITEMS}/{name}", data={"text": "a picture"}, files={"image": png()})
        (path,) = set((tmp_path / "shop").rglob("*.png")) - kept
        os.utime(path, (time, time))
    own.client.put(f"{ITEMS}/said", data={"text": "without a picture"})
    found = own.client.get(PLACE).json()
    names = [item["id"] for item in found["newest"]]
    assert names[:2] == ["newer", "new"]
    assert names[2:] == [item["id"] for item in before["newest"]][:22]
    assert found["surveyed"] == 28


def test_numbers_are_in_order_and_single_values_or_measurements_are_no_facet(own: Running) -> None:
    rows = [
        {"id": f"n{n}", "text": "a thing", "year": 2000 + n % 3, "price": n, "serial": f"no {n}"} for n in range(90)
    ]
    lines = "\n".join(json.dumps({**row, "attribution": "By Ann."}) for row in rows)
    assert own.client.post(ITEMS, content=lines, headers=NDJSON).status_code == 200
    facets = {facet["column"]: facet["values"] for facet in own.client.get(PLACE).json()["facets"]}
    assert set(facets) == {"category", "year"}
    assert facets["year"] == [{"value": 2000.0 + n, "items": 30} for n in range(3)]


def test_a_collection_that_is_not_served_has_no_overview(own: Running) -> None:
    answer = own.client.get("/v1/collections/nothing/overview")
    assert answer.status_code == 404
    assert "there is no collection 'nothing'" in fault(answer)["message"]
