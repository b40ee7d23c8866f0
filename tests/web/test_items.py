"""Items over HTTP: put in, looked at, listed, taken out, streamed."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import NDJSON, Running, Serve, fault, png, told

ITEMS = "/v1/collections/shop/items"


@pytest.fixture
def own(serve: Serve) -> Iterator[Running]:
    """Return a service of a collection to be changed."""
    with serve(limits={"line_bytes": 5_000}) as started:
        yield started


def pictures(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "shop" / "pictures").rglob("*.png"))


def test_an_item_is_put_in_found_and_taken_out(own: Running, tmp_path: Path) -> None:
    put = own.client.put(
        f"{ITEMS}/a%2Fb%20%C3%A9%3F", data={"text": ["a plain red field"], "columns": '{"year": 2010}'},
        files={"image": png()},
    )  # fmt: skip
    assert put.json() == {"id": "a/b é?", "outcome": "added"}
    item = own.client.get(f"{ITEMS}/a%2Fb%20%C3%A9%3F").json()
    assert item["columns"] == {"year": 2010}
    assert (item["kind"], item["texts"]) == ("pair", ["a plain red field"])
    assert own.client.get(item["thumbnail"]).headers["content-type"] == "image/webp"
    assert "a/b é?" in [hit["id"] for hit in own.search(k=25).json()["hits"]]
    assert own.client.get("/v1/collections/shop").json()["items"] == 25
    assert len(pictures(tmp_path)) == 1
    assert own.client.delete(f"{ITEMS}/a%2Fb%20%C3%A9%3F").json() == {"removed": 1}
    assert pictures(tmp_path) == []
    assert own.client.get(f"{ITEMS}/a%2Fb%20%C3%A9%3F").status_code == 404
    assert own.client.get(item["thumbnail"]).status_code == 404
    assert "a/b é?" not in [hit["id"] for hit in own.search(k=25).json()["hits"]]


def test_an_item_is_replaced_with_its_picture(own: Running, tmp_path: Path) -> None:
    outcomes = [own.client.put(f"{ITEMS}/a", files={"image": png(c)}).json()["outcome"] for c in ("red", "red", "blue")]
    assert outcomes == ["added", "unchanged", "updated"]
    assert len(pictures(tmp_path)) == 1
    own.client.put(f"{ITEMS}/b", files={"image": png("blue")})
    own.client.delete(f"{ITEMS}/a")
    assert len(pictures(tmp_path)) == 1


def test_pictures_that_were_there_before_stay_when_their_item_goes(own: Running, tiny_set: Path) -> None:
    assert own.client.delete(f"{ITEMS}/p3").status_code == 200
    assert (tiny_set / "3.png").is_file()


def test_items_are_listed_page_by_page(own: Running) -> None:
    first = own.client.get(ITEMS, params={"limit": 20}).json()
    assert (len(first["items"]), first["after"]) == (20, first["items"][-1]["id"])
    rest = own.client.get(ITEMS, params={"limit": 20, "after": first["after"]}).json()
    assert (len(rest["items"]), rest["after"]) == (4, None)
    discs = own.client.get(ITEMS, params={"where": "category = 'disc'"}).json()["items"]
    assert {item["columns"]["category"] for item in discs} == {"disc"}
    assert "at most 1,000 items" in fault(own.client.get(ITEMS, params={"limit": 1001}))["message"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("[]", 'columns must be a JSON object such as {"year": 2010}; got '),
        ('{"image": "/etc/hostname"}', "it names the file of a picture, which is not looked for"),
    ],
)
def test_a_faulty_item_is_refused(own: Running, columns: str, message: str) -> None:
    answer = own.client.put(f"{ITEMS}/x", data={"text": "a", "columns": columns})
    assert answer.status_code == 422
    assert message in fault(answer)["message"]


def test_columns_that_do_not_fit_cost_no_item_and_are_told(own: Running) -> None:
    answer = own.client.put(f"{ITEMS}/x", data={"text": "a", "columns": '{"category": 3, "a b": 3}'})
    assert answer.json() == {
        "id": "x",
        "outcome": "added",
        "notes": [
            "the column 'a b' is kept as a_b, a name that filters can say.",
            "the column category holds texts in this collection: its other values are kept as text.",
        ],
    }
    assert own.client.get(f"{ITEMS}/x").json()["columns"] == {"category": "3", "a_b": 3.0}


def test_an_item_without_anything_is_refused(own: Running) -> None:
    answer = own.client.put(f"{ITEMS}/x", data={"columns": "{}"})
    assert "it has neither a picture nor a text" in fault(answer)["message"]
    assert fault(own.client.delete(f"{ITEMS}/x"))["message"].startswith("the collection 'shop' has no item 'x'.")
    long = own.client.put(f"{ITEMS}/{'x' * 600}", data={"text": "a"})
    assert "cannot be stored" in fault(long)["message"]


def test_lines_are_taken_in_and_acknowledged(own: Running) -> None:
    rows = [{"id": f"n{k}", "text": f"number {k}", "price": k} for k in range(100)]
    rows[7]["image"] = base64.b64encode(png()).decode()
    lines = [json.dumps(row) for row in rows]
    lines[3:3] = ["", "[1]", '{"id": "bad", "image": "%%%"}', '{"text": "nobody"}', '{"id": "s", "image": "YWJj"}']
    answer = own.client.post(ITEMS, content="\n".join(lines), headers=NDJSON)
    acknowledged = told(answer)
    assert acknowledged[-1] == {"added": 100, "updated": 0, "unchanged": 0, "rejected": 4, "done": True}
    assert acknowledged[-2]["line"] == len(lines)
    rejects = {each["line"]: each["reason"] for part in acknowledged[:-1] for each in part["rejects"]}
    assert set(rejects) == {5, 6, 7, 8}
    assert "JSON object" in rejects[5]
    assert "base64" in rejects[6]
    assert "no id" in rejects[7]
    assert "cannot be read" in rejects[8]
    assert own.client.get("/v1/collections/shop").json()["items"] == 124
    assert own.client.get(f"{ITEMS}/n7").json()["kind"] == "pair"


def test_each_batch_is_acknowledged_while_the_rest_is_still_to_come(own: Running) -> None:
    seen: list[int] = []

    def lines() -> Iterator[bytes]:
        for k in range(3):
            yield json.dumps({"id": f"s{k}", "text": "slowly"}).encode() + b"\n"
            until = [c["items"] for c in own.client.get("/v1/collections").json()]
            for _ in range(100):
                until = [c["items"] for c in own.client.get("/v1/collections").json()]
                if until == [25 + k]:
                    break
            seen.append(until[0])

    assert told(own.client.post(ITEMS, content=lines(), headers=NDJSON))[-1]["added"] == 3
    assert seen == [25, 26, 27]


def test_a_line_that_is_too_long_ends_the_stream_with_an_error(own: Running) -> None:
    content = json.dumps({"id": "a", "text": "first"}) + "\n" + "x" * 20_000
    acknowledged = told(own.client.post(ITEMS, content=content, headers=NDJSON))
    assert acknowledged[-1]["error"]["code"] == "too_large"
    assert acknowledged[-1]["error"]["message"] == "line 2 has more than 5,000 bytes. Shorten it."


def test_only_lines_are_streamed(own: Running) -> None:
    answer = own.client.post(ITEMS, content="{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert fault(answer)["code"] == "wrong_type"
