"""The log and the metrics, which strangers write to: what they can put there is bounded."""

import io
import json
import logging
import re
import socket
from pathlib import Path

import pytest

from diptych.web.logs import LONGEST_FIELD, JsonFormatter, PlainFormatter, log_to

from .conftest import Running, Serve


def record_of(**fields: object) -> logging.LogRecord:
    record = logging.LogRecord("diptych.web", logging.INFO, "", 0, "request", None, None)
    record.request = {"method": "GET", "route": "/v1/models", "status": 200, **fields}
    return record


def sent(running: Running, head: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as made:
        made.sendall(head + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: made.recv(65536), b""))


def test_made_up_methods_and_paths_grow_neither_the_metrics_nor_the_log(serve: Serve, tmp_path: Path) -> None:
    with serve() as started, (tmp_path / "log").open("w+") as written:
        logger = logging.getLogger("diptych.web")
        before = logger.handlers, logger.propagate, logger.level
        log_to(written, as_json=False)
        try:
            for method in (b"GET", b"MADEUP" * 10_000):
                sent(started, method + b" /v1/models")
                sent(started, method + b" /")
                sent(started, method + b" /nothing")
            sizes = [len(re.sub(r" [0-9.e+-]+$", "", started.client.get("/metrics").text, flags=re.M))]
            for number in range(300):
                made_up = b"X%d" % number * (10_000 if number % 2 else 1)
                path = (b"/v1/models", b"/", b"/nothing%d" % number)[number % 3]
                assert re.match(rb"HTTP/1\.1 4\d\d", sent(started, made_up + b" " + path))
            sizes.append(len(re.sub(r" [0-9.e+-]+$", "", started.client.get("/metrics").text, flags=re.M)))
        finally:
            logger.handlers, logger.propagate, logger.level = before
    text = started.service.counts.text({}).decode()
    assert sizes[1] - sizes[0] < 2_000, "a status that nobody had before may be new"
    assert "X1" not in text
    assert 'method="other"' in text
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) >= 300
    assert max(map(len, lines)) < 200
    assert {line.split()[0] for line in lines} == {"GET", "other"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("ann", "ann"),
        ("2001:db8::1", "2001:db8::1"),
        ("ann status=500", '"ann status=500"'),
        ('ann" status=500', '"ann\\" status=500"'),
        ("ann\nGET / 200", '"ann\\nGET / 200"'),
        ("ann\u2028GET\x1b[2J\x85", '"ann\\u2028GET\\u001b[2J\\x85"'),
        ("", '""'),
        ("é", "é"),
    ],
)
def test_a_field_of_the_plain_log_cannot_be_taken_for_several(value: str, shown: str) -> None:
    line = PlainFormatter().format(record_of(key=value))
    assert line == f"GET /v1/models 200 key={shown}"
    assert len(line.splitlines()) == 1
    assert json.loads(JsonFormatter().format(record_of(key=value)))["key"] == value


def test_a_query_in_the_log_is_bounded_and_one_field() -> None:
    record = record_of(query={"text": "a status=200\nb" * 10_000, "without": ["c"]})
    plain, structured = PlainFormatter().format(record), JsonFormatter().format(record)
    assert len(plain) < 2 * LONGEST_FIELD
    assert len(structured) < 2 * LONGEST_FIELD
    assert len(plain.splitlines()) == 1
    assert json.loads(structured)["query"].startswith('{"text": "a status=200')
    short = json.loads(JsonFormatter().format(record_of(query={"text": "a disc"})))
    assert short["query"] == {"text": "a disc"}


def test_a_message_is_one_bounded_line_and_its_trace_follows() -> None:
    record = logging.LogRecord("diptych.web", logging.WARNING, "", 0, "a\nGET / 200 %s", ("x" * 9_000,), None)
    line = PlainFormatter().format(record)
    assert line.startswith("a\\nGET / 200 xxx")
    assert len(line) < 2 * LONGEST_FIELD
    try:
        raise ValueError("inside")
    except ValueError as error:
        record = logging.LogRecord("diptych.web", logging.ERROR, "", 0, "it failed", None, (type(error), error, None))
    assert PlainFormatter().format(record) == "it failed\nValueError: inside"
    assert json.loads(JsonFormatter().format(record))["trace"] == "ValueError: inside"


def test_text_that_is_not_unicode_can_be_logged() -> None:
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    for formatter in (PlainFormatter(), JsonFormatter()):
        written.write(formatter.format(record_of(query={"text": "\ud800"})))
    written.flush()
