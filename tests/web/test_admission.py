"""Who is let in: every route asks for a key where keys are asked for, and for the right scope."""

import logging
import socket
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import pytest

from diptych.collection import Collection
from diptych.errors import BadSetting, MissingData, Refused
from diptych.web import routes as folder
from diptych.web.admission import Rates
from diptych.web.app import build_app
from diptych.web.guards import Guarded
from diptych.web.keys import Keys
from diptych.web.limits import Limits
from diptych.web.routes.page import FOLDER
from diptych.web.service import Service
from diptych.web.startup import Options, admission_of, open_service

from .conftest import Made, Running, Serve, fault

OPEN = {("get", "/healthz"), ("get", "/readyz")}
WRITES = {
    ("put", "/v1/collections/{collection}/items/{id}"),
    ("delete", "/v1/collections/{collection}/items/{id}"),
    ("post", "/v1/collections/{collection}/items"),
    ("put", "/v1/collections/{collection}/columns/{column}"),
}


def routes() -> list[tuple[str, str, dict[str, Any]]]:
    """Return the method, path and description of every route that the service describes."""
    service = Service(Limits())
    schema = build_app(service, admission_of(Options([]))).openapi()
    service.close()
    return [(method, path, about) for path, methods in schema["paths"].items() for method, about in methods.items()]


def ask(running: Running, method: str, path: str, about: dict[str, Any], key: str | None) -> Any:
    kinds = list(about.get("requestBody", {}).get("content", {"application/x-www-form-urlencoded": {}}))
    headers = {"Content-Type": kinds[0]} | ({"Authorization": f"Bearer {key}"} if key else {})
    url = path.format(collection="shop", id="p1", name="first", column="tag")
    return running.client.request(method, url, headers=headers)


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    kept = Keys(tmp_path / "keys.json")
    return {scope: kept.add(scope, scope) for scope in ("read", "write")} | {"unknown": "diptych_guess"}


@pytest.fixture
def closed(serve: Serve, keys: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    with serve(keys=tmp_path / "keys.json") as started:
        yield started


def test_every_route_asks_for_a_key(closed: Running, keys: dict[str, str]) -> None:
    asked = {(method, path): about for method, path, about in routes() if (method, path) not in OPEN}
    assert len(asked) >= 14
    for (method, path), about in asked.items():
        for key in (None, keys["unknown"]):
            answer = ask(closed, method, path, about, key)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert fault(answer)["code"] == ("bad_key" if key else "no_key")
        assert ask(closed, method, path, about, keys["write"]).status_code not in (401, 403), (method, path)
    assert {closed.client.get(path).status_code for _, path in OPEN} == {200}


def test_no_route_stands_beside_those_that_ask_for_a_key() -> None:
    described = {path for _, path, _ in routes()}
    modules = [import_module(f"{folder.__name__}.{found.name}") for found in iter_modules(folder.__path__)]
    built = [route for module in modules for router in module.ROUTERS for route in router.routes]
    others = {route.path.replace(":path}", "}") for route in built} - described
    files = {f"/{path.relative_to(FOLDER).as_posix()}" for path in FOLDER.rglob("*") if path.is_file()}
    assert others == {"/", "/docs", *files}
    guarded = {route.path.replace(":path}", "}") for route in built if isinstance(route, Guarded)}
    assert described - guarded == {path for _, path in OPEN} | {"/metrics"}, "of these /metrics asks for a key itself"


def test_a_key_that_reads_does_not_write(closed: Running, keys: dict[str, str]) -> None:
    refused = {
        (method, path) for method, path, about in routes()
        if ask(closed, method, path, about, keys["read"]).status_code == 403
    }  # fmt: skip
    assert refused == WRITES
    assert closed.client.get("/v1/collections", headers={"Authorization": f"Bearer {keys['read']}"}).status_code == 200


def test_a_revoked_key_is_refused_at_once(closed: Running, keys: dict[str, str], tmp_path: Path) -> None:
    closed.client.headers["Authorization"] = f"Bearer {keys['read']}"
    assert closed.client.get("/v1/models").status_code == 200
    Keys(tmp_path / "keys.json").revoke("read")
    assert closed.client.get("/v1/models").status_code == 401


def test_the_body_of_a_stranger_is_not_read(closed: Running) -> None:
    head = (
        b"POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data\r\n"
        b"Content-Length: 900\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", closed.port), timeout=10) as stranger:
        stranger.sendall(head)
        assert stranger.recv(100).startswith(b"HTTP/1.1 401")


def test_beyond_this_machine_there_must_be_a_key(tmp_path: Path) -> None:
    options = Options([], host="0.0.0.0", keys=tmp_path / "keys.json")
    with pytest.raises(BadSetting, match="a service that other machines can reach requires keys, and"):
        admission_of(options)
    assert admission_of(Options([], host="0.0.0.0", no_keys=True)).keys is None
    assert admission_of(Options([])).keys is None


def test_a_foreign_name_is_refused_against_pages_that_rebind_theirs(shop: Running) -> None:
    answer = shop.client.get("/v1/models", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert fault(answer)["code"] == "wrong_host"
    for name in ("localhost:80", "127.0.0.1", "[::1]:8000"):
        assert shop.client.get("/v1/models", headers={"Host": name}).status_code == 200


def test_pages_of_other_sites_may_not_change_or_read_anything(shop: Running) -> None:
    foreign = {"Origin": "https://evil.example"}
    answer = shop.client.post("/v1/search", data={"collection": "shop", "text": "a"}, headers=foreign)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in shop.client.get("/v1/models", headers=foreign).headers
    own = {"Origin": f"http://127.0.0.1:{shop.port}"}
    answer = shop.client.post("/v1/search", data={"collection": "shop", "text": "a"}, headers=own)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("origin", "site", "status"),
    [
        ("http://{host}", None, 200),
        ("https://{host}", None, 403),
        ("ftp://{host}", None, 403),
        ("null", None, 403),
        ("{host}", None, 403),
        ("https://{host}", "same-origin", 200),  # HTTPS ends at a proxy that does not report it
        ("https://evil.example", "same-origin", 403),
        ("http://{host}", "cross-site", 403),
    ],
)
def test_the_scheme_of_an_origin_counts(shop: Running, origin: str, site: str | None, status: int) -> None:
    headers = {"Origin": origin.format(host=f"127.0.0.1:{shop.port}")} | ({"Sec-Fetch-Site": site} if site else {})
    answer = shop.client.post("/v1/search", data={"collection": "shop", "text": "a"}, headers=headers)
    assert answer.status_code == status


def test_a_proxy_that_is_trusted_tells_the_scheme(serve: Serve) -> None:
    with serve(proxies=("127.0.0.1",)) as started:
        host = f"127.0.0.1:{started.port}"
        asked = {"collection": "shop", "text": "a"}
        for scheme, status in (("https", 200), ("http", 403)):
            headers = {"X-Forwarded-Proto": "https", "Origin": f"{scheme}://{host}"}
            assert started.client.post("/v1/search", data=asked, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "fetch", "status"),
    [
        ("GET", "/", {"Mode": "navigate", "Dest": "document"}, 200),
        ("GET", "/docs", {"Mode": "navigate", "Dest": "document"}, 200),
        ("GET", "/?text=a", {"Mode": "navigate"}, 200),
        ("GET", "/", {"Mode": "navigate", "Dest": "iframe"}, 403),
        ("GET", "/v1/collections", {"Mode": "no-cors", "Dest": "script"}, 403),
        ("GET", "/v1/collections/shop/thumbnails/p1", {"Mode": "no-cors", "Dest": "image"}, 403),
        ("GET", "/v1/collections", {"Mode": "cors", "Dest": "empty"}, 403),
        ("GET", "/v1/collections", {}, 403),
        ("POST", "/v1/search", {"Mode": "navigate", "Dest": "document"}, 403),
        ("DELETE", "/v1/collections/shop/items/nobody", {"Mode": "cors", "Dest": "empty"}, 403),
    ],
)
def test_other_sites_may_link_to_the_page_and_do_nothing_else(
    shop: Running, method: str, path: str, fetch: dict[str, str], status: int
) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"} | {f"Sec-Fetch-{name}": value for name, value in fetch.items()}
    answer = shop.client.request(method, path, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert fault(answer)["message"].startswith("pages of other sites may not use this service.")
    for site in ("same-origin", "same-site", "none"):
        assert shop.client.get("/v1/collections", headers={"Sec-Fetch-Site": site}).status_code == 200


def test_sites_that_are_allowed_may(serve: Serve) -> None:
    with serve(origins=("https://museum.example",), hosts=("diptych.museum.example",)) as started:
        asked = {"Origin": "https://museum.example", "Access-Control-Request-Method": "PUT"}
        answer = started.client.options("/v1/collections/shop/items/a", headers=asked)
        assert answer.headers["access-control-allow-origin"] == "https://museum.example"
        asked["Host"] = "diptych.museum.example"
        assert started.client.get("/v1/models", headers=asked).status_code == 200
        asked["Sec-Fetch-Site"] = "cross-site"
        assert started.client.get("/v1/models", headers=asked).status_code == 200
        del asked["Sec-Fetch-Site"]
        asked["Origin"] = "https://other.example"
        assert "access-control-allow-origin" not in started.client.get("/v1/models", headers=asked).headers


def test_too_many_requests_are_sent_away_with_the_time_to_wait(serve: Serve) -> None:
    with serve(limits={"rate": 1.0, "burst": 3}) as started:
        answers = [started.client.get("/v1/models") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].headers["retry-after"] == "1"
        assert fault(answers[-1])["message"] == "more than 1 requests per second. Wait a moment."


def test_each_user_has_a_bucket() -> None:
    rates = Rates(Limits(rate=0.001, burst=1))
    rates.take("ann")
    rates.take("bob")
    with pytest.raises(Refused, match="requests per second"):
        rates.take("ann")


def test_places_are_told_apart_and_must_be_something(made: Made, tmp_path: Path) -> None:
    with Collection.create(str(tmp_path / "shop"), str(made.run)), pytest.raises(BadSetting, match="two locations"):
        open_service(Options([str(made.place), str(tmp_path / "shop")]))
    with pytest.raises(MissingData, match="there is no collection or run at"):
        open_service(Options([str(tmp_path)]))
    with pytest.raises(MissingData, match=r"is not a folder\. Name one that holds runs or benchmarks\."):
        open_service(Options([], runs=tmp_path / "nowhere"))
    with pytest.raises(BadSetting, match=r"the limit hits must be above 0; got 0\."):
        Limits(hits=0)


@pytest.mark.parametrize(("proxies", "client"), [((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.9")])
def test_only_a_proxy_that_is_named_is_believed_who_asks(
    serve: Serve, caplog: pytest.LogCaptureFixture, proxies: tuple[str, ...], client: str
) -> None:
    logging.getLogger("diptych.web").propagate = True
    limits = {"rate": 0.001, "burst": 1}
    with caplog.at_level(logging.INFO, "diptych.web"), serve(proxies=proxies, limits=limits) as started:
        asked = [
            started.client.get("/v1/access", headers={"X-Forwarded-For": address}).status_code
            for address in ("203.0.113.9", "203.0.113.9", "203.0.113.10")
        ]
    told = [record.request for record in caplog.records if hasattr(record, "request")]
    assert told[0]["client"] == client
    assert asked == [200, 429, 200 if proxies else 429]


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("unknown, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:DB8::1]:4711", "2001:db8::1"),
        ("unknown", "127.0.0.1"),
        ("ann status=200", "127.0.0.1"),
        ("x" * 9_000, "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_what_a_proxy_forwards_is_the_client_only_if_it_is_an_address(
    serve: Serve, caplog: pytest.LogCaptureFixture, forwarded: str, client: str
) -> None:
    logging.getLogger("diptych.web").propagate = True
    with caplog.at_level(logging.INFO, "diptych.web"), serve(proxies=("127.0.0.1",)) as started:
        assert started.client.get("/v1/access", headers={"X-Forwarded-For": forwarded}).status_code == 200
    (told,) = [record.request for record in caplog.records if hasattr(record, "request")]
    assert (told["client"], told["route"]) == (client, "/v1/access")
