"""Errors in one shape, wherever they come from."""

import errno
import logging
from pathlib import Path

import pytest

from diptych.errors import BadCheckpoint, BadImage, Diverged, MissingData, StoreFailed, UnknownName
from diptych.web.refusals import HIDDEN, body_of, headers_of, hint_of, refuse, refused

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


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the collection at /srv/my/shop was removed. Create it again.", "the collection at shop was removed."),
        ("the collection at data/shop was removed. Create it again.", "the collection at yard was removed."),
        ("'/srv/my/shop/record.json' cannot be read: [Errno 5]", f"{HIDDEN} cannot be read: [Errno 5]"),
        ("the disk of '/srv/o'brien/shop' is full: this write failed", f"the disk of {HIDDEN} is full"),
        ("the store at 'lance:///srv/a' failed: IO(/srv/a/x.lance: no space)", f"the store at {HIDDEN} failed"),
        ("[Errno 2] No such file or directory: '/home/ann/p.png'", f"No such file or directory: {HIDDEN}"),
        ("the run that filled this collection is no longer at /home/ann/run. Name it.", f"at {HIDDEN}. Name it."),
        ("the store at postgresql://ann@db/shop#x failed.", f"the store at {HIDDEN} failed."),
        ("~/runs/first is not a run folder.", f"{HIDDEN} is not a run folder."),
        ("the collection has no item '/a/b.jpg'. List its items.", "has no item '/a/b.jpg'"),
        ("a picture must be image/png or image/jpeg; text and/or 3 / 4", "image/png or image/jpeg; text and/or 3 / 4"),
    ],
)
def test_no_message_tells_a_path_of_the_server_and_the_log_keeps_it(
    caplog: pytest.LogCaptureFixture, said: str, told: str
) -> None:
    logging.getLogger("diptych.web").propagate = True
    places = {"/srv/my/shop": "shop", "data/shop": "yard"}
    for kind in (MissingData, StoreFailed, BadCheckpoint):
        caplog.clear()
        message = str(refused(kind(said), places))
        assert told in message
        assert not any(part in message for part in ("/srv", "/home", "~/", "brien", "ann@"))
        assert [record.getMessage() for record in caplog.records] == ([] if message == said else [said])


def test_a_collection_that_goes_is_told_without_its_place(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("diptych.web").propagate = True
    with caplog.at_level(logging.WARNING, "diptych.web"), serve() as started:
        (tmp_path / "shop" / "record.json").unlink()
        for answer in (started.client.get("/readyz"), started.client.get("/v1/collections"), started.search()):
            assert fault(answer)["message"].startswith("the collection at shop was removed.")
            assert str(tmp_path) not in answer.text
        (tmp_path / "shop" / "record.json").write_text("{")
        answer = started.search()
        assert "cannot be read" in fault(answer)["message"]
        assert str(tmp_path) not in answer.text
    assert str(tmp_path) in caplog.text


def test_a_message_that_repeats_what_was_sent_is_bounded_and_can_be_written() -> None:
    message = body_of(refused(UnknownName("x" * 100_000)))["error"]["message"]
    assert len(message) == 2_001
    assert body_of(refuse(422, "the id \ud800 is none."))["error"]["message"] == "the id \\ud800 is none."


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (MemoryError(), 503, "the service is out of memory."),
        (OSError(errno.ENOSPC, "No space left on device"), 503, "the disk of the service is full."),
        (OSError(errno.EIO, "secret"), 500, "an internal error occurred."),
    ],
)
def test_a_lack_of_memory_or_disk_is_said(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, words: str
) -> None:
    def fails(name: str) -> None:
        raise error

    with serve() as started:
        monkeypatch.setattr(started.service, "collection", fails)
        answer = started.client.get("/v1/collections/shop")
    assert answer.status_code == status
    assert fault(answer)["message"].startswith(words)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ("retry-after" in answer.headers) is (status == 503)
