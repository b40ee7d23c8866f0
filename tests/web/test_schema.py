"""The description of the service: complete, and kept to whatever is sent."""

import json
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from diptych.collection import Collection
from diptych.index.address import open_store
from diptych.request_fields import options_of
from diptych.search_request import SearchRequest
from diptych.web.keys import Keys
from tests.index.servers_postgresql import postgresql_server

from .conftest import QUERY, Made, Running, Serve
from .processes import processes

__all__ = ["postgresql_server"]

EXAMPLES = 12
"""Requests that are tried of each route: enough to meet every field with something that it does not expect."""
MANY = 100
"""The same where there is time."""
DRAWS = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module inside strategies:hypothesis.errors.HypothesisDeprecationWarning"
)
"""The checks on shapes draw at random in the threads of a service of this process, while examples are drawn here."""
TRIED: Counter[int] = Counter()
"""How many requests had which status."""


@schemathesis.serializer("application/x-ndjson")
def as_lines(context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


def test_every_route_says_what_it_is(shop: Running) -> None:
    schema = shop.client.get("/openapi.json").json()
    for path, methods in schema["paths"].items():
        for about in methods.values():
            assert about["summary"], path
            assert about["description"], path
            assert about["tags"], path
            if path.startswith("/v1"):
                assert {"401", "403", "404", "422", "429", "503"} <= about["responses"].keys(), path
                assert about["security"] == [{"HTTPBearer": []}], path


def test_the_form_of_a_search_has_the_fields_of_a_request_and_their_bounds(shop: Running) -> None:
    schemas = shop.client.get("/openapi.json").json()["components"]["schemas"]
    form = schemas["Body_search_v1_search_post"]["properties"]
    options = {option.wire: option for option in options_of(SearchRequest)}
    assert form.keys() == {"collection", *options}
    for wire, option in options.items():
        assert form[wire]["description"] == option.doc
        assert (form[wire].get("minimum"), form[wire].get("maximum")) == (option.minimum, option.maximum)
    assert form["not"]["items"] == {"type": "string"}
    assert form["against"]["anyOf"] == [{"type": "string", "enum": ["image", "text"]}, {"type": "null"}]


def test_the_manual_is_read_without_scripts_and_names_every_route(shop: Running) -> None:
    answer = shop.client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script" not in answer.text
    for path in shop.client.get("/openapi.json").json()["paths"]:
        assert path in answer.text


@DRAWS
def test_nothing_that_is_sent_breaks_the_service(serve: Serve) -> None:
    with serve() as started:
        try_all(f"http://127.0.0.1:{started.port}", EXAMPLES)


@DRAWS
@pytest.mark.thorough
def test_nothing_breaks_the_service_however_long_it_is_tried(serve: Serve, tmp_path: Path) -> None:
    key = Keys(tmp_path / "keys.json").add("me", "write")
    with serve(keys=tmp_path / "keys.json") as started:
        url = f"http://127.0.0.1:{started.port}"
        try_all(url, MANY, key=key)
        for operation in operations_at(url):
            try_out(operation, GenerationMode.POSITIVE, url, examples=EXAMPLES, key="none")


@DRAWS
@pytest.mark.thorough
def test_nothing_breaks_the_service_over_a_database(
    made: Made, own_cache: Path, tmp_path: Path, tiny_set: Path, postgresql_server: str
) -> None:
    """Here the service is a process of its own: psycopg draws at random, which must not happen where examples are."""
    place = f"{postgresql_server}#shop"
    with Collection.create(place, str(made.run)) as collection:
        collection.add(str(tiny_set))
    with processes(place, tmp_path, "--uploads", str(tmp_path / "uploads"), count=1) as (process,):
        try_all(process.url, MANY)
    with closing(open_store(place)) as store:
        store.drop()


def operations_at(url: str) -> list[schemathesis.APIOperation]:
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    return [found.ok() for found in schema.get_all_operations()]


def try_all(url: str, examples: int, *, key: str = "any") -> None:
    """Send requests of every route, and look that searches are answered as before."""
    operations = operations_at(url)
    assert len(operations) >= 16
    for operation in operations:
        takes = bool(list(operation.iter_parameters()) or operation.body)
        for mode in GenerationMode if takes else (GenerationMode.POSITIVE,):
            try_out(operation, mode, url, examples=examples, key=key)
    asked = httpx.post(f"{url}/v1/search", data=QUERY, headers={"Authorization": f"Bearer {key}"}, timeout=60)
    assert asked.status_code == 200
    print("requests by status:", dict(sorted(TRIED.items())))


def try_out(operation: schemathesis.APIOperation, mode: GenerationMode, url: str, *, examples: int, key: str) -> None:
    """Send requests that fit a route's description, or that do not."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=examples, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def send(case: schemathesis.Case) -> None:
        response = case.call(base_url=url, timeout=30, headers={"Authorization": f"Bearer {key}"})
        TRIED[response.status_code] += 1
        assert response.status_code < 500, (response.status_code, response.content)
        if response.status_code >= 400:
            assert set(json.loads(response.content)) == {"error"}

    send()


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/healthz"])
def test_pages_may_use_nothing_from_elsewhere(shop: Running, path: str) -> None:
    policy = shop.client.get(path).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert "unsafe" not in policy
