"""Near-identical pictures among some items."""

from collections.abc import Iterator

import pytest

from diptych.errors import BadSetting

from .conftest import Running, Serve, fault, png

ITEMS = "/v1/collections/shop/items"
PLACE = "/v1/collections/shop/alike"


@pytest.fixture
def own(serve: Serve) -> Iterator[Running]:
    """Return a service of a collection with copies of two pictures, and a text."""
    with serve(limits={"hits": 30}) as started:
        for name, colour in {"a": "green", "b": "navy", "c": "green", "d": "navy", "e": "green"}.items():
            started.client.put(f"{ITEMS}/{name}", files={"image": png(colour)})
        started.client.put(f"{ITEMS}/said", data={"text": "green"})
        yield started


def test_copies_are_groups_in_the_order_named(own: Running) -> None:
    found = own.client.post(PLACE, data={"id": ["e", "said", "b", "a", "nobody", "c", "d", "e"]}).json()
    assert sorted(found["groups"]) == [["b", "d"], ["e", "a", "c"]]
    assert own.client.post(PLACE, data={"id": ["said", "a", "b"]}).json() == {"groups": []}


def test_groups_are_those_of_the_duplicates_of_the_collection(own: Running) -> None:
    collection = own.service.collection("shop").collection
    for threshold in (0.9, 0.999):
        whole = collection.duplicates(by="vector", threshold=threshold).groups
        found = collection.alike(sorted(collection.ids()), threshold=threshold)
        assert sorted(found) == sorted([item.id for item in group.items] for group in whole)


def test_too_many_items_and_impossible_thresholds_are_refused(own: Running) -> None:
    answer = own.client.post(PLACE, data={"id": [f"n{k}" for k in range(31)]})
    assert fault(answer)["message"] == "at most 30 items are compared; got 31. Name fewer."
    with pytest.raises(BadSetting, match="threshold must be above 0 and at most 1"):
        own.service.collection("shop").collection.alike(["a"], threshold=2.0)
