"""The client, against a service that runs."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from diptych.client import Client, Hit
from diptych.errors import Refused

from .web.conftest import Running, Serve, made, own_cache, png, serve, shared_cache

__all__ = ["made", "own_cache", "serve", "shared_cache"]


@pytest.fixture
def running(serve: Serve) -> Iterator[Running]:
    with serve() as started:
        yield started


@pytest.fixture
def client(running: Running) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{running.port}") as opened:
        yield opened


def test_all_that_the_service_offers_is_there(client: Client, tiny_set: Path) -> None:
    assert client.collections() == ["shop"]
    assert client.describe("shop")["items"] == 24
    found = client.search("shop", "a red square", k=3, where="category = 'square'", without=["something blue"])
    assert (len(found.hits), found.total, found.exact) == (3, 12, True)
    first = found.hits[0]
    assert isinstance(first, Hit)
    assert first.thumbnail is not None
    assert client.thumbnail(first.thumbnail, side=128)[8:12] == b"WEBP"
    assert client.search("shop", image=tiny_set / "3.png", against="image", k=1).hits[0].id == "p3"
    likeness = client.similarity("a red square", tiny_set / "3.png", collection="shop")
    assert set(likeness.similarities) == {"visual", "textual"}
    assert likeness.similarity is not None
    assert len(list(client.items("shop"))) == 24
    assert [item.id for item in client.items("shop", where="id = 'p3'")] == ["p3"]


def test_a_hit_is_explained_as_the_service_does(client: Client, running: Running, tiny_set: Path) -> None:
    hit = client.search("shop", "a red square", k=1).hits[0]
    explained = client.explain("shop", hit.id, "a red square")
    fields = {"collection": "shop", "id": hit.id, "text": "a red square"}
    answer = running.client.post("/v1/explain", data=fields).json()
    assert explained.fused == pytest.approx(hit.similarity, abs=1e-4)
    assert [word.text for word in explained.words] == ["a", "red", "square"]
    assert (explained.width, explained.height, explained.held) == (48, 48, "")
    assert [vars(region) for region in explained.regions] == answer["image"]["regions"]
    assert explained.fusion == answer["fusion"]
    for space, told in zip(explained.spaces, answer["spaces"], strict=True):
        assert (space.name, space.similarity) == (told["name"], pytest.approx(told["similarity"], abs=1e-6))
        assert {name: vars(way) for name, way in space.ways.items()}.keys() == told["ways"].keys()
        for name, way in space.ways.items():
            assert way.image == pytest.approx(told["ways"][name]["image"], abs=1e-5)
            assert way.words == pytest.approx(told["ways"][name]["words"], abs=1e-5)
            assert way.reason == told["ways"][name]["reason"]
    by_picture = client.explain("shop", "p3", image=tiny_set / "3.png")
    assert by_picture.text.startswith("a red square, number 3")
    pair = client.explain("shop", text="a red square", image=tiny_set / "3.png")
    assert pair.fused == pytest.approx(client.explain("shop", "p3", "a red square").fused, abs=1e-5)
    beside = client.explain("shop", "p3", like="p1", fusion="rrf")
    assert (beside.held, beside.words, beside.fused) == ("the picture of 'p1'", [], None)
    alone = client.explain("shop", "p3", "a red square", against="text")
    assert (alone.width, alone.regions, alone.held) == (0, [], "the text “a red square”")
    assert len(alone.fused_ways["occlusion"].words) == len(alone.words)


def test_items_are_put_in_and_taken_out(client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    assert client.put("shop", "a/ä", texts=["one", "two"], image=png(), columns={"year": 3}) == "added"
    item = client.get("shop", "a/ä")
    assert (item.kind, item.texts, item.columns) == ("pair", ["one", "two"], {"year": 3})
    client.remove("shop", "a/ä")
    with pytest.raises(Refused, match="the collection 'shop' has no item 'a/ä'") as refusal:
        client.get("shop", "a/ä")
    assert (refusal.value.status, refusal.value.code) == (404, "missing_data")
    rows = [{"id": f"r{k}", "text": f"number {k}"} for k in range(300)]
    rows += [{"id": "seen", "image": tmp_path / "a.png"}, {"id": "bad", "image": b"no picture"}]  # type: ignore[dict-item]
    taken = client.put_many("shop", rows)
    assert (taken.added, set(taken.rejected)) == (301, {"bad"})
    assert "the picture cannot be read" in taken.rejected["bad"]


def test_what_the_service_refuses_is_raised_with_its_sentence(client: Client) -> None:
    with pytest.raises(Refused, match=r"there is no collection 'shoe'\. Served collections: shop\."):
        client.search("shoe", "a")
    with pytest.raises(Refused, match=r"to explain an item, pass exactly one of"):
        client.explain("shop", "p1", "a disc", like="p2")
    with pytest.raises(Refused, match=r"the text to search for is empty\. Write a few words\."):
        client.search("shop", " ")


def test_the_client_comes_back_when_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    answers = [httpx.Response(503, headers={"Retry-After": "7"}), httpx.Response(429), httpx.Response(200, json=[])]
    monkeypatch.setattr("diptych.client.client.time.sleep", waits.append)
    monkeypatch.setattr(httpx.Client, "request", lambda *_, **__: answers.pop(0))
    with Client("http://127.0.0.1:1") as opened:
        assert opened.collections() == []
    assert waits == [7, 1]


def answering(monkeypatch: pytest.MonkeyPatch, *answers: httpx.Response | Exception) -> list[float]:
    """Let requests have these answers, one after another, and return the list of waits in between."""
    waits: list[float] = []
    coming = iter(answers)

    def request(*_: object, **__: object) -> httpx.Response:
        answer = next(coming)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("diptych.client.client.time.sleep", waits.append)
    monkeypatch.setattr(httpx.Client, "request", request)
    return waits


def test_a_request_that_got_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = httpx.RemoteProtocolError("the server went away")
    proxy = httpx.Response(502, headers={"Retry-After": "Thu, 26 Nov 2026 00:00:00 GMT"})
    waits = answering(monkeypatch, lost, httpx.ConnectError("refused"), proxy, httpx.Response(200, json=[]))
    with Client("http://127.0.0.1:1") as opened:
        assert opened.collections() == []
    assert waits == [1, 1, 1]


def test_what_a_lost_request_took_out_is_gone_when_it_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = httpx.Response(404, json={"error": {"code": "missing_data", "message": "no such item.", "hint": None}})
    answering(monkeypatch, httpx.ReadError("cut off"), gone, gone)
    with Client("http://127.0.0.1:1") as opened:
        opened.remove("shop", "a")
        with pytest.raises(Refused, match="no such item"):
            opened.remove("shop", "a")


def test_nobody_is_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = answering(monkeypatch, *[httpx.ConnectError("refused")] * 4)
    with Client("http://127.0.0.1:1") as opened, pytest.raises(Refused, match=r"no service answers at .* refused\."):
        opened.collections()
    assert len(waits) == 3
    slow = answering(monkeypatch, httpx.ReadTimeout("slow"))
    with Client("http://127.0.0.1:1") as opened, pytest.raises(Refused, match="slow"):
        opened.collections()
    assert slow == []


def test_an_answer_of_something_else_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    request = httpx.Request("GET", "http://proxy.example/v1/collections")
    answer = httpx.Response(502, text="<html>bad gateway</html>", request=request)
    monkeypatch.setattr(httpx.Client, "request", lambda *_, **__: answer)
    with Client("http://proxy.example") as opened, pytest.raises(Refused, match="answered 502: <html>bad gateway"):
        opened.collections()


def test_a_key_is_sent(serve: Serve, tmp_path: Path) -> None:
    from diptych.web.keys import Keys

    key = Keys(tmp_path / "keys.json").add("me", "read")
    with serve(keys=tmp_path / "keys.json") as started:
        url = f"http://127.0.0.1:{started.port}"
        with Client(url, key=key) as opened:
            assert opened.collections() == ["shop"]
            with pytest.raises(Refused, match="the key 'me' may only read"):
                opened.remove("shop", "p1")
        with Client(url) as opened, pytest.raises(Refused, match="this service requires a key"):
            opened.collections()
