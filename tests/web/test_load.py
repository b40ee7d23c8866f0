"""Slow clients, too many clients, clients that go away, and the end of the service."""

import json
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from .conftest import NDJSON, QUERY, Running, Serve, fault, told

FORM = "Content-Type: application/x-www-form-urlencoded"


def connected(running: Running, sent: bytes) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", running.port), timeout=20)
    opened.sendall(sent)
    return opened


def received(sent: socket.socket) -> bytes:
    """Return all that comes until the service ends the connection."""
    with sent:
        return b"".join(iter(lambda: sent.recv(4096), b""))


@pytest.mark.parametrize("limit", ["seconds", "pause_seconds"])
def test_slow_clients_do_not_hold_up_others(serve: Serve, limit: str) -> None:
    with serve(limits={limit: 5.0, "header_seconds": 5.0}) as started, ExitStack() as opened:
        while started.search().status_code == 503:  # the model is being loaded
            time.sleep(0.1)
        head = f"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nContent-Length: 50\r\n\r\n".encode()
        bodies = [opened.enter_context(connected(started, head + b"collection=")) for _ in range(20)]
        heads = [opened.enter_context(connected(started, b"GET /healthz HT")) for _ in range(20)]
        assert started.search().status_code == 200
        answered, _, _ = select.select([*bodies, *heads], [], [], 0)
        assert not answered
        for slow in bodies:
            answer = received(slow)
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"the request arrived too slowly. Send it again." in answer
        assert [received(slow) for slow in heads] == [b""] * 20
        assert started.search().status_code == 200


def test_a_stream_of_items_that_pauses_too_long_ends(serve: Serve) -> None:
    with serve(limits={"idle_seconds": 0.5}) as started:
        path = "/v1/collections/shop/items"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
        sent = connected(started, f'{head}Content-Length: 500\r\n\r\n{{"id": "a", "text": "a"}}\n'.encode())
        answer = received(sent)
        assert b'"added": 1' in answer
        assert b"the request arrived too slowly" in answer


def test_more_than_can_be_answered_is_sent_away_and_nothing_else_goes_wrong(serve: Serve) -> None:
    limits = {"in_hand": 6, "waiting": 4, "together": 2}
    with serve(limits=limits) as started, ThreadPoolExecutor(24) as pool:

        def client(number: int) -> list[httpx.Response]:
            with httpx.Client(base_url=started.client.base_url, timeout=60) as own:
                return [own.post("/v1/search", data={**QUERY, "text": f"{number} {k}"}) for k in range(8)]

        answers = [answer for each in pool.map(client, range(24)) for answer in each]
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) == {200, 503}
        for answer in answers:
            if answer.status_code == 503:
                assert int(answer.headers["retry-after"]) >= 1
                assert fault(answer)["code"] == "busy"
        assert started.search().status_code == 200


@pytest.mark.parametrize("streams", [True, False])
def test_large_requests_and_streams_are_few_at_a_time(serve: Serve, *, streams: bool) -> None:
    path, kind = ("collections/shop/items", "application/x-ndjson") if streams else ("search", FORM.partition(" ")[2])
    head = f"POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 2000000\r\n\r\n"
    with serve(limits={"large": 2, "streams": 2, "seconds": 5.0}) as started:
        held = [connected(started, head.encode() + b"a=") for _ in range(2)]
        time.sleep(0.3)
        with connected(started, head.encode() + b"a=") as third:
            assert third.recv(100).startswith(b"HTTP/1.1 503")
        assert started.search().status_code == 200
        for each in held:
            each.close()


def test_a_request_whose_client_is_gone_is_given_up(serve: Serve) -> None:
    with serve(limits={"gather_seconds": 1.0, "together": 64}) as started:
        body = b"collection=shop&text=abandoned"
        head = f"POST /v1/search HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        for _ in range(5):
            connected(started, head + body).close()
        time.sleep(0.3)
        assert started.search().status_code == 200
        counted = started.client.get("/metrics").text
        assert 'diptych_requests_total{method="POST",route="/v1/search",status="499"} 5.0' in counted
        assert 'diptych_batch_size_sum{work="search shop"} 1.0' in counted


def test_a_shutdown_finishes_what_was_accepted(serve: Serve) -> None:
    with serve(limits={"gather_seconds": 3.0}) as started, ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(started.search, text=f"number {k}") for k in range(8)]
        while started.service._in_hand["in_hand"] < 8:
            time.sleep(0.01)
        began = time.monotonic()
        started.stop()
        assert [answer.result().status_code for answer in asked] == [200] * 8
        assert time.monotonic() - began < 10
        with pytest.raises(httpx.TransportError):
            started.client.get("/healthz")


def test_a_shutdown_ends_a_stream_after_what_it_has_taken(serve: Serve) -> None:
    with serve() as started:
        sent = threading.Event()

        def lines() -> Iterator[bytes]:
            for k in range(10_000):
                yield json.dumps({"id": f"s{k}", "text": "one"}).encode() + b"\n"
                time.sleep(0.01)
                if k == 30:
                    sent.set()

        with ThreadPoolExecutor(1) as pool:
            streamed = pool.submit(started.client.post, "/v1/collections/shop/items", content=lines(), headers=NDJSON)
            sent.wait(10)
            started.stop()
            answer = streamed.result()
        acknowledged = told(answer)
        assert "the service is shutting down; send lines after" in acknowledged[-1]["error"]["message"]
        assert sum(part["added"] for part in acknowledged[:-1]) > 0


def test_readiness_ends_before_the_service_does(serve: Serve) -> None:
    with serve() as started:
        assert started.client.get("/readyz").json() == {"status": "ready"}
        started.service.stopping = True
        answer = started.client.get("/readyz")
        assert answer.status_code == 503
        assert fault(answer)["message"] == "the service is shutting down."


def test_a_service_whose_collection_is_gone_is_not_ready(serve: Serve, tmp_path: Path) -> None:
    with serve() as started:
        (tmp_path / "shop" / "record.json").unlink()
        assert started.client.get("/readyz").status_code == 404


@pytest.mark.slow
def test_memory_stays_flat_under_load(serve: Serve) -> None:
    def resident() -> float:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))

    with serve() as started, ThreadPoolExecutor(4) as pool:

        def some(number: int) -> None:
            list(pool.map(lambda k: started.search(text=f"{number} {k}").raise_for_status(), range(100)))

        some(0)
        some(1)
        before = resident()
        for number in range(2, 7):
            some(number)
        assert resident() - before < 25
