"""Connections that somebody tries to keep: refused, trickling, endless, unread, or too many under one key."""

import re
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from diptych.errors import Refused
from diptych.web.front import address_of
from diptych.web.keys import Keys
from diptych.web.limits import Limits
from diptych.web.service import Service

from .conftest import QUERY, Running, Serve, fault

FORM = "Content-Type: application/x-www-form-urlencoded"
LINES = "Content-Type: application/x-ndjson"
CHUNKED = "Transfer-Encoding: chunked"
GENEROUS = 20.0
"""Seconds after which a connection counts as kept."""


def opened(started: Running, first: str, *headers: str, body: bytes = b"") -> socket.socket:
    """Return a connection on which a header was sent, and the begin of a body."""
    made = socket.create_connection(("127.0.0.1", started.port), timeout=GENEROUS)
    made.sendall("\r\n".join([f"{first} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode() + body)
    return made


def trickled(kept: socket.socket, part: Callable[[], bytes], *, pause: float = 0.1) -> tuple[bytes, float]:
    """Go on sending parts until the service ends the connection; return what it said and the seconds it took."""
    began, said = time.monotonic(), bytearray()
    kept.settimeout(pause)
    with kept, suppress(ConnectionError):
        while time.monotonic() - began < GENEROUS:
            try:
                if not (more := kept.recv(65536)):
                    break
                said += more
            except TimeoutError:
                kept.sendall(part())
    return bytes(said), time.monotonic() - began


def status_of(said: bytes) -> int:
    return int(re.match(rb"HTTP/1\.1 (\d{3})", said)[1])  # type: ignore[index]


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    kept = Keys(tmp_path / "keys.json")
    return {name: f"Authorization: Bearer {kept.add(name, 'write')}" for name in ("ann", "bob")}


@pytest.mark.parametrize("framing", ["Content-Length: 1000000", CHUNKED])
@pytest.mark.parametrize(
    ("first", "status", "more"),
    [
        ("POST /v1/search", 401, (FORM,)),
        ("PUT /v1/collections/shop/items/x", 401, (FORM,)),
        ("POST /v1/collections/shop/items", 401, (LINES,)),
        ("GET /v1/models", 401, ()),
        ("POST /v1/nothing", 404, (FORM,)),
        ("POST /healthz", 405, (FORM,)),
        ("GET /healthz", 200, ()),
        ("GET /", 200, ()),
        ("POST /v1/search", 421, ("Host: evil.example",)),
        ("POST /v1/search", 403, ("Origin: https://evil.example",)),
    ],
)
def test_who_is_refused_or_answered_early_cannot_keep_the_connection(
    serve: Serve, keys: dict[str, str], tmp_path: Path, first: str, status: int, more: tuple[str, ...], framing: str
) -> None:
    with serve(keys=tmp_path / "keys.json", limits={"linger_seconds": 0.5}) as started:
        host = "" if status == 421 else "Host: localhost"
        head = "\r\n".join(each for each in (f"{first} HTTP/1.1", host, *more, framing) if each) + "\r\n\r\n"
        kept = socket.create_connection(("127.0.0.1", started.port), timeout=GENEROUS)
        kept.sendall(head.encode())
        said, seconds = trickled(kept, lambda: b"1\r\na\r\n" if framing == CHUNKED else b"a")
        assert status_of(said) == status
        assert b"connection: close" in said.lower()
        assert seconds < 8


def test_other_refusals_before_the_body_end_the_connection_too(serve: Serve, keys: dict[str, str]) -> None:
    with serve(limits={"linger_seconds": 0.3, "rate": 0.001, "burst": 1}) as started:
        wrong = opened(started, "POST /v1/search", "Content-Type: text/plain", "Content-Length: 1000000")
        said, seconds = trickled(wrong, lambda: b"a")
        assert (status_of(said), seconds < 8) == (415, True)
        often = opened(started, "POST /v1/search", FORM, "Content-Length: 1000000")
        said, seconds = trickled(often, lambda: b"a")
        assert (status_of(said), seconds < 8) == (429, True)


def test_a_flood_after_a_refusal_is_cut_off(serve: Serve) -> None:
    with serve(limits={"linger_seconds": 1.0, "upload_bytes": 10_000}) as started:
        kept = opened(started, "POST /v1/nothing", FORM, "Content-Length: 100000000000")
        sent, began = 0, time.monotonic()
        with kept, suppress(ConnectionError):
            while time.monotonic() - began < GENEROUS:
                sent += kept.send(bytes(1_000_000))
        assert time.monotonic() - began < 8
        assert sent < 50_000_000


def test_an_answered_request_keeps_its_connection_for_the_next(shop: Running) -> None:
    name, _, kind = FORM.partition(": ")
    with closing(HTTPConnection("localhost", shop.port)) as connection:
        connection.request("POST", "/v1/search", "collection=shop&text=a", {name: kind})
        first = connection.getresponse()
        assert (first.status, first.getheader("connection")) == (200, None)
        first.read()
        kept = connection.sock
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        assert connection.sock is kept


def test_a_client_that_sends_everything_first_still_reads_the_refusal(shop: Running) -> None:
    answer = shop.client.post("/v1/nothing", files={"image": bytes(5_000_000)})
    assert (answer.status_code, answer.headers["connection"]) == (404, "close")
    assert fault(answer)["code"] == "not_found"
    assert shop.client.get("/healthz").status_code == 200


@pytest.mark.parametrize("framing", ["Content-Length: 100", CHUNKED])
def test_a_body_that_stops_after_a_byte_is_ended(serve: Serve, framing: str) -> None:
    with serve(limits={"pause_seconds": 0.5, "linger_seconds": 0.3}) as started:
        began = time.monotonic()
        kept = opened(started, "POST /v1/search", FORM, framing, body=b"1\r\nc\r\n" if framing == CHUNKED else b"c")
        with kept:
            said = b"".join(iter(lambda: kept.recv(4096), b""))
        assert status_of(said) == 408
        assert b"the request arrived too slowly. Send it again." in said
        assert time.monotonic() - began < 8


def test_a_body_that_trickles_is_ended_by_the_deadline(serve: Serve) -> None:
    with serve(limits={"seconds": 1.0, "linger_seconds": 0.3}) as started:
        kept = opened(started, "POST /v1/search", FORM, "Content-Length: 1000000", body=b"collection=")
        said, seconds = trickled(kept, lambda: b"a")
        assert (status_of(said), seconds < 8) == (408, True)


def test_an_endless_body_ends_at_the_limit_of_bytes(serve: Serve) -> None:
    with serve(limits={"upload_bytes": 50_000, "linger_seconds": 0.3}) as started:
        kept = opened(started, "POST /v1/search", FORM, CHUNKED)
        said, seconds = trickled(kept, lambda: b"1000\r\n" + bytes(0x1000) + b"\r\n", pause=0.01)
        assert (status_of(said), seconds < 8) == (413, True)
        assert b"the request has more than 50,000 bytes." in said


def test_a_line_that_never_ends_ends_its_stream(serve: Serve) -> None:
    with serve(limits={"idle_seconds": 1.0, "linger_seconds": 0.3}) as started:
        kept = opened(started, "POST /v1/collections/shop/items", LINES, CHUNKED)
        said, seconds = trickled(kept, lambda: b"1\r\na\r\n")
        assert b"line 1 arrived too slowly. Send it again." in said
        assert seconds < 8


def test_a_stream_ends_after_its_time_even_if_lines_keep_coming(serve: Serve) -> None:
    line = b'{"id": "a", "text": "a"}\n'
    chunk = f"{len(line):x}\r\n".encode() + line + b"\r\n"
    with serve(limits={"stream_seconds": 1.5, "linger_seconds": 0.3}) as started:
        kept = opened(started, "POST /v1/collections/shop/items", LINES, CHUNKED)
        said, seconds = trickled(kept, lambda: chunk)
        assert b'"added": 1' in said
        assert b"the request arrived too slowly" in said
        assert seconds < GENEROUS


def test_slow_bodies_under_one_key_leave_places_for_another(serve: Serve, keys: dict[str, str], tmp_path: Path) -> None:
    with serve(keys=tmp_path / "keys.json", limits={"in_hand": 12}) as started, ExitStack() as stack:
        held = [
            stack.enter_context(opened(started, "POST /v1/search", FORM, keys["ann"], "Content-Length: 50", body=b"c"))
            for _ in range(20)
        ]
        until(lambda: started.service._in_hand_each["in_hand", "ann"] == 6)
        refusals = [status_of(each.recv(4096)) for each in held[6:]]
        assert refusals == [429] * 14
        name, _, token = keys["bob"].partition(": ")
        began = time.monotonic()
        assert started.client.post("/v1/search", data=QUERY, headers={name: token}).status_code == 200
        assert time.monotonic() - began < 5
        name, _, token = keys["ann"].partition(": ")
        answer = started.client.post("/v1/search", data=QUERY, headers={name: token})
        assert fault(answer)["message"] == "too many of your requests are in progress. Wait for their answers."
        assert answer.headers["retry-after"] == "1"


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + GENEROUS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_user_has_a_share_of_each_kind_of_place_and_gives_it_back() -> None:
    service = Service(Limits(in_hand=4, large=2, share=0.5))
    with service.in_hand("in_hand", "large", user="ann"):
        with ExitStack() as more, pytest.raises(Refused, match="too many of your requests") as refusal:
            more.enter_context(service.in_hand("in_hand", "large", user="ann"))
        assert refusal.value.status == 429
        with ExitStack() as others:
            for user in ("ann", "bob", ""):
                others.enter_context(service.in_hand("in_hand", user=user))
            with pytest.raises(Refused, match="overloaded") as refusal:
                others.enter_context(service.in_hand("in_hand", user="eve"))
            assert refusal.value.status == 503
    assert not service._in_hand_each
    assert not any(service._in_hand.values())
    service.close()


def test_headers_that_trickle_are_ended(serve: Serve) -> None:
    with serve(limits={"header_seconds": 1.0}) as started:
        kept = socket.create_connection(("127.0.0.1", started.port), timeout=GENEROUS)
        kept.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-More: ")
        said, seconds = trickled(kept, lambda: b"a")
        assert (said, seconds < 8) == (b"", True)
        kept = opened(started, "GET /healthz")
        kept.sendall(b"GET /healthz HTTP/1.1\r\nX-More: ")
        said, seconds = trickled(kept, lambda: b"a")
        assert (said.count(b"HTTP/1.1 200"), seconds < 8) == (1, True)


def test_many_connections_without_a_request_keep_nobody_out(serve: Serve) -> None:
    with serve(limits={"connections": 20, "header_seconds": 60.0}) as started, ExitStack() as stack:
        held = [stack.enter_context(opened(started, "GET /healthz", "X-More: a")) for _ in range(3)]
        held += [
            stack.enter_context(socket.create_connection(("127.0.0.1", started.port), timeout=GENEROUS))
            for _ in range(60)
        ]
        for each in held[3:]:
            with suppress(ConnectionError):
                each.sendall(b"GET /healthz HT")
        for _ in range(5):
            with httpx.Client(base_url=started.client.base_url, timeout=GENEROUS) as honest:
                assert honest.get("/healthz").status_code == 200
        assert len(started.server.server_state.connections) <= 12


def test_a_header_that_is_too_large_is_refused(shop: Running) -> None:
    with opened(shop, f"GET /{'a' * 40_000}", "Connection: close") as kept:
        said = b"".join(iter(lambda: kept.recv(65536), b""))
    assert status_of(said) == 431
    assert b"the request header has more than 32,000 bytes. Send a shorter one." in said


def test_a_client_that_does_not_read_its_answers_is_cut_off(serve: Serve) -> None:
    with serve(limits={"idle_seconds": 1.0}) as started:
        text = "word " * 1_900
        for k in range(60):
            started.client.put(f"/v1/collections/shop/items/long{k}", data={"text": [text] * 10}).raise_for_status()
        started.client.close()
        until(lambda: not started.server.server_state.connections)
        with socket.socket() as kept:
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            kept.connect(("127.0.0.1", started.port))
            kept.sendall(b"GET /v1/collections/shop/items?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert kept.recv(10) == b"HTTP/1.1 2"
            assert started.server.server_state.connections
            until(lambda: not started.server.server_state.connections)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0 status=200", "fe80::1"),
        ("", None),
        ("unknown", None),
        ("ann status=200", None),
        ("203.0.113.9\n", None),
        ("1" * 5_000, None),
    ],
)
def test_an_address_is_told_from_other_text(text: str, address: str | None) -> None:
    assert address_of(text) == address
