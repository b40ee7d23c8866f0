"""The description of the service: complete, and kept to whatever is sent."""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from .conftest import Running, Serve

EXAMPLES = 12
"""Requests that are tried of each route: enough to meet every field with something that it does not expect."""


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


def test_the_manual_is_read_without_scripts_and_names_every_route(shop: Running) -> None:
    answer = shop.client.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script" not in answer.text
    for path in shop.client.get("/openapi.json").json()["paths"]:
        assert path in answer.text


def test_nothing_that_is_sent_breaks_the_service(serve: Serve) -> None:
    with serve() as started:
        url = f"http://127.0.0.1:{started.port}"
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        operations = [found.ok() for found in schema.get_all_operations()]
        assert len(operations) >= 16
        for operation in operations:
            takes = bool(list(operation.iter_parameters()) or operation.body)
            for mode in GenerationMode if takes else (GenerationMode.POSITIVE,):
                try_out(operation, mode, url)
        assert started.search().status_code == 200


def try_out(operation: schemathesis.APIOperation, mode: GenerationMode, url: str) -> None:
    """Send requests that fit a route's description, or that do not."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    def send(case: schemathesis.Case) -> None:
        response = case.call(base_url=url, timeout=30)
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
