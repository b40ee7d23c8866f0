"""Errors in one shape, wherever they come from."""

import logging

import pytest

from diptych.errors import BadCheckpoint, BadImage, Diverged, MissingData, StoreFailed, UnknownName
from diptych.web.refusals import body_of, headers_of, hint_of, refuse, refused

from .conftest import Running, Serve, fault


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/nothing.js", 404, "not_found"),
        ("GET", "/v1/search", 405, "not_allowed"),
        ("DELETE", "/v1/collections", 405, "not_allowed"),
        ("GET", "/v1/collections/shoe", 404, "not_found"),
        ("GET", "/v1/collections/shop/items/nobody", 404, "missing_data"),
        ("GET", "/v1/collections/shop/thumbnails/nobody", 404, "missing_data"),
        ("GET", "/v1/collections/shop/items?limit=x", 422, "invalid"),
        ("GET", "/v1/collections/shop/items?where=colour%3D3", 422, "unknown_name"),
        ("GET", "/v1/runs/..%2F..%2Fetc/history", 404, "not_found"),
        ("GET", "/v1/runs/..", 404, "not_found"),
        ("GET", "/v1/benchmarks/any/report", 404, "missing_data"),
    ],
)
def test_every_error_has_one_shape(shop: Running, method: str, path: str, status: int, code: str) -> None:
    answer = shop.client.request(method, path)
    assert (answer.status_code, fault(answer)["code"]) == (status, code)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (MissingData("a"), 404, "missing_data"),
        (BadImage("a"), 422, "bad_image"),
        (UnknownName("a"), 422, "unknown_name"),
        (StoreFailed("a"), 503, "store_failed"),
        (BadCheckpoint("a"), 503, "bad_checkpoint"),
        (Diverged("a"), 500, "diverged"),
        (refuse(403, "a"), 403, "forbidden"),
    ],
)
def test_each_kind_of_error_has_a_status(error: Exception, status: int, code: str) -> None:
    told = refused(error)  # type: ignore[arg-type]
    assert (told.status, told.code) == (status, code)
    assert ("Retry-After" in headers_of(told)) is (status == 503)
    assert body_of(told) == {"error": {"code": code, "message": "a", "hint": None}}


def test_the_hint_is_the_last_sentence() -> None:
    assert hint_of("methods has no entry 'mscm'. Did you mean 'mcsm'?") == "Did you mean 'mcsm'?"
    assert hint_of("the disk is full.") is None


def test_a_fault_of_the_service_is_told_and_logged_without_its_inside(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serve() as started:
        monkeypatch.setattr(started.service, "collection", lambda name: {}["secret"])
        with caplog.at_level(logging.ERROR, "uvicorn.error"):
            answer = started.client.get("/v1/collections/shop")
        assert answer.status_code == 500
        assert fault(answer)["message"] == "an internal error occurred. See the service's log."
        assert "secret" not in answer.text
    assert "secret" in caplog.text
