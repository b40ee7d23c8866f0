"""Explanations over HTTP: the same as from Python."""

from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from diptych.collection import Collection

from .conftest import QUERY, Made, Running, Serve, fault, png


def test_a_text_and_an_items_picture_are_explained(shop: Running, made: Made) -> None:
    with Collection.open(str(made.place)) as collection:
        expected = collection.explain("p3", text="a red square").as_record()
    answer = shop.client.post("/v1/explain", data={"collection": "shop", "id": "p3", "text": "a red square"}).json()
    assert answer["image"] == expected["image"]
    assert answer["words"] == expected["words"]
    assert answer["fused"] == pytest.approx(expected["fused"], abs=1e-5)
    for found, wanted in zip(answer["spaces"], expected["spaces"], strict=True):
        assert found["similarity"] == pytest.approx(wanted["similarity"], abs=1e-5)
        for name, way in wanted["ways"].items():
            assert found["ways"][name]["image"] == pytest.approx(way["image"], abs=1e-4)
            assert found["ways"][name]["words"] == pytest.approx(way["words"], abs=1e-4)


def test_a_picture_and_an_items_texts_are_explained(shop: Running, tiny_set: Path) -> None:
    files = {"image": ("3.png", (tiny_set / "3.png").read_bytes(), "image/png")}
    answer = shop.client.post("/v1/explain", data={"collection": "shop", "id": "p3"}, files=files).json()
    assert answer["text"].startswith("a red square, number 3")
    assert [space["name"] for space in answer["spaces"]] == ["visual", "textual"]
    assert answer["fusion"]["reference"].startswith("the texts of ")


def test_an_item_is_explained_beside_another_one(shop: Running) -> None:
    fields = {"collection": "shop", "like": "p3"}
    hit = shop.client.post("/v1/search", data={**fields, "k": 1}).json()["hits"][0]
    answer = shop.client.post("/v1/explain", data={**fields, "id": hit["id"]}).json()
    assert answer["fused"] == pytest.approx(hit["similarity"], abs=1e-4)
    assert (answer["held"], answer["words"]) == ("the picture of 'p3'", [])
    assert len(answer["fused_ways"]["occlusion"]["image"]) == len(answer["image"]["regions"])
    fields = {"collection": "shop", "text": "a red square", "against": "text", "id": "p3"}
    answer = shop.client.post("/v1/explain", data=fields).json()
    assert answer["image"] is None
    assert answer["held"] == "the text “a red square”"


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"id": "p3"}, 422, "a search needs a text"),
        ({"text": "a disc"}, 422, "without the id of an item"),
        ({"id": "nobody", "text": "a disc"}, 404, "has no item 'nobody'"),
        ({"id": "p3", "text": "a" * 20_000}, 422, "has 20,000 characters"),
        ({"id": "p3", "text": "a disc", "fusion": "none"}, 422, "none"),
        ({"id": "p3", "text": "a disc", "like": "p1"}, 422, "to explain an item, pass exactly one of"),
        ({"id": "p3", "like": "nobody"}, 404, "has no item 'nobody'"),
        ({"id": "p3", "like": "p1", "against": "sound"}, 422, "against"),
        ({"collection": "nowhere", "id": "p3", "text": "a disc"}, 404, "no collection 'nowhere'"),
    ],
)
def test_what_cannot_be_explained_is_said(shop: Running, fields: dict[str, str], status: int, words: str) -> None:
    response = shop.client.post("/v1/explain", data={"collection": "shop", **fields})
    assert response.status_code == status
    assert words in fault(response)["message"]


def test_a_text_and_a_picture_together_are_refused(shop: Running) -> None:
    fields = {"collection": "shop", "id": "p3", "text": "a disc"}
    response = shop.client.post("/v1/explain", data=fields, files={"image": png()})
    assert response.status_code == 422
    assert "to explain an item, pass exactly one of" in fault(response)["message"]


def test_explanations_are_few_at_a_time_and_hold_up_nothing_else(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"collection": "shop", "id": "p3", "text": "a red square"}
    with serve(limits={"explanations": 6, "explainers": 2}) as started, ThreadPoolExecutor(12) as pool:
        explained, gate, running = started.service.collections["shop"].collection.explain, Event(), []

        def slowly(*arguments: Any, **options: Any) -> Any:
            running.append(1)
            assert gate.wait(30)
            return explained(*arguments, **options)

        monkeypatch.setattr(started.service.collections["shop"].collection, "explain", slowly)
        sent = [
            pool.submit(httpx.post, f"{started.client.base_url}/v1/explain", data=asked, timeout=60) for _ in "x" * 12
        ]
        refused = [each.result() for each in islice(as_completed(sent), 6)]
        for answer in refused:
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert fault(answer)["message"] == "the service is overloaded. Try again soon."
        assert len(running) == 2
        assert started.client.post("/v1/search", data=QUERY, files={"image": png()}).status_code == 200
        assert started.client.get("/v1/collections/shop/items/p3").status_code == 200
        gate.set()
        assert sorted(each.result().status_code for each in sent) == [200] * 6 + [503] * 6
        assert started.client.post("/v1/explain", data=asked).status_code == 200
        assert started.service._in_hand["explanations"] == 0


def test_an_explanation_that_nobody_waits_for_counts_until_it_ends(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {"collection": "shop", "id": "p3", "text": "a red square"}
    with serve(limits={"explanations": 1, "explainers": 1}) as started:
        gate, running = Event(), Event()
        monkeypatch.setattr(
            started.service.collections["shop"].collection, "explain", lambda *_, **__: running.set() or gate.wait(30)
        )
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{started.client.base_url}/v1/explain", data=asked, timeout=1)
        assert running.wait(10)
        assert started.client.post("/v1/explain", data=asked).status_code == 503
        gate.set()
        monkeypatch.undo()
        statuses = iter(lambda: started.client.post("/v1/explain", data=asked).status_code, 200)
        assert len(list(islice(statuses, 500))) < 500
