"""Values written into columns of items, over HTTP and in a collection."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .conftest import Running, Serve, fault

ITEMS = "/v1/collections/shop/items"
ROWS = {
    "one": '{"year": 2010, "open": true, "tags": ["old", "red"]}',
    "two": '{"year": 2011, "open": false, "tags": ["old", "new"]}',
}


@pytest.fixture
def own(serve: Serve) -> Iterator[Running]:
    """Return a service of a collection with columns of every kind."""
    with serve(limits={"items": 30, "text_letters": 50}) as started:
        for name, columns in ROWS.items():
            started.client.put(f"{ITEMS}/{name}", data={"text": "a word", "columns": columns})
        yield started


def tag(own: Running, column: str, value: str | None, *ids: str) -> httpx.Response:
    fields: dict[str, Any] = {"id": list(ids), **({} if value is None else {"value": value})}
    return own.client.put(f"/v1/collections/shop/columns/{column}", data=fields)


def values(own: Running, column: str) -> list[Any]:
    return [own.client.get(f"{ITEMS}/{name}").json()["columns"].get(column) for name in ("one", "two", "p3")]


def test_a_new_column_holds_texts_and_other_items_stay(own: Running) -> None:
    assert tag(own, "shelf", "upper", "one", "p3", "nobody").json() == {"changed": 2}
    assert values(own, "shelf") == ["upper", None, "upper"]
    assert tag(own, "shelf", "lower", "two", "p3").json() == {"changed": 2}
    assert values(own, "shelf") == ["upper", "lower", "lower"]
    assert tag(own, "shelf", "lower", "two", "p3").json() == {"changed": 0}
    assert tag(own, "shelf", None, "one", "two").json() == {"changed": 2}
    assert values(own, "shelf") == [None, None, "lower"]
    found = own.search(where="shelf = 'lower'").json()["hits"]
    assert [hit["id"] for hit in found] == ["p3"]


def test_a_column_takes_values_of_its_own_kind(own: Running) -> None:
    assert tag(own, "year", "1999.5", "one", "p3").json() == {"changed": 2}
    assert values(own, "year") == [1999.5, 2011, 1999.5]
    assert tag(own, "open", "false", "one", "two").json() == {"changed": 1}
    assert values(own, "open") == [False, False, None]
    assert tag(own, "tags", "red", "one", "two", "p3").json() == {"changed": 2}
    assert values(own, "tags") == [["old", "red"], ["old", "new", "red"], ["red"]]
    assert tag(own, "tags", "", "one").json() == {"changed": 1}
    assert values(own, "tags")[0] is None


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("year", "soon", "the column 'year' holds numbers; got 'soon'. Give it such a value, or another name."),
        ("year", "nan", "the column 'year' holds numbers; got 'nan'."),
        ("open", "yes", "the column 'open' holds true or false; got 'yes'."),
        ("id", "x", "'id' cannot be the name of a column."),
        ("a b", "x", "'a b' cannot be the name of a column."),
        ("shelf", "x" * 51, "the text has 51 characters"),
    ],
)
def test_what_does_not_fit_is_refused(own: Running, column: str, value: str, message: str) -> None:
    answer = tag(own, column, value, "one")
    assert answer.status_code == 422
    assert message in fault(answer)["message"]
    assert values(own, "year")[0] == 2010


def test_too_many_items_and_none_are_refused(own: Running) -> None:
    answer = tag(own, "shelf", "x", *(f"n{k}" for k in range(31)))
    assert fault(answer)["message"] == "at most 30 items are tagged per request; got 31. Name fewer."
    assert tag(own, "shelf", "x").status_code == 422


def test_tagged_items_are_not_encoded_anew(own: Running) -> None:
    collection = own.service.collection("shop").collection
    before = collection.table.read(["one"], vectors=("text",))
    assert collection.tag(["one"], "shelf", "upper") == 1
    after = collection.table.read(["one"], vectors=("text",))
    assert (after.vectors["text"].rows == before.vectors["text"].rows).all()
    put = own.client.put(f"{ITEMS}/one", data={"text": "a word", "columns": ROWS["one"]})
    assert put.json()["outcome"] == "unchanged"
