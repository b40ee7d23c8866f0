"""Whatever is sent to the service is answered: with a result, or with a refusal that is a sentence."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.data.bounded import check_sentence
from tests.data.odd_inputs import JSON_LINES, PICTURES, damaged, json_lines, numbers, texts

from .conftest import NDJSON, QUERY, Running, Serve, told

ITEMS = "/v1/collections/shop/items"
FEW, MANY = 40, 1000
"""Inputs of each kind in every run, and where there is time."""
TRIED: Counter[int] = Counter()
"""How many searches had which status."""
COUNTED = ("added", "updated", "unchanged", "rejected")
RASTER = tuple(picture for suffix, kind in PICTURES.items() if suffix != ".svg" for picture in kind)

fields = st.dictionaries(
    st.sampled_from(["text", "like", "not", "where", "k", "offset", "against", "lens", "fusion", "collection", "x"]),
    st.one_of(texts, numbers.map(str), st.lists(texts, max_size=3)),
    max_size=4,
)
words = st.sampled_from(
    [
        *(
            "category",
            "year",
            "=",
            "!=",
            "<",
            ">=",
            "'square'",
            '"',
            "'",
            "(",
            ")",
            "and",
            "or",
            "not",
            "in",
            "is null",
        ),
        *("1", "-", "1e999", ",", "like", "has", "\\", "%", ";", "--", "\0", "\ud800", "é", "9" * 400),
        *("(" * 3000, "not " * 3000),
    ]
)
filters = st.one_of(st.lists(words, max_size=8).map(" ".join), texts)
requests = st.one_of(fields, st.builds(lambda where: {"text": "a disc", "where": where}, filters))


def checked(status: int, body: bytes) -> None:
    """Check that an answer is a result or a refusal in sentences."""
    TRIED[status] += 1
    assert status < 500, (status, body)
    if status >= 400:
        error = json.loads(body)["error"]
        for message in filter(None, (error["message"], error["hint"])):
            check_sentence(message)


def send(running: Running, request: dict[str, Any], picture: bytes | None) -> None:
    """Ask for a search and for a similarity with some fields."""
    files = None if picture is None else {"image": ("a.png", picture, "image/png")}
    data = {name: _sent(value) for name, value in (QUERY | request).items()}
    for route in ("search", "similarity"):
        answer = running.client.post(f"/v1/{route}", data=data, files=files)
        checked(answer.status_code, answer.content)


def _sent(value: Any) -> Any:
    if isinstance(value, list):
        return [_sent(each) for each in value]
    return value.encode("utf-8", "surrogatepass")


def take_in(running: Running, content: bytes) -> None:
    """Send lines of items; every line that is not blank is counted, and every one rejected says why."""
    answer = running.client.post(ITEMS, content=content, headers=NDJSON)
    assert answer.status_code == 200, answer.text
    lines = told(answer)
    filled = [number for number, line in enumerate(content.split(b"\n"), start=1) if line.strip()]
    assert lines[-1]["done"] is True
    assert sum(lines[-1][name] for name in COUNTED) == len(filled)
    rejects = [each for line in lines for each in line.get("rejects", ())]
    assert {each["line"] for each in rejects} <= set(filled)
    assert len(rejects) == lines[-1]["rejected"]
    for each in rejects:
        check_sentence(each["reason"])


def try_searches(running: Running, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(requests, st.one_of(st.none(), damaged(RASTER)))
    def holds(request: dict[str, Any], picture: bytes | None) -> None:
        send(running, request, picture)

    holds()
    assert running.search().status_code == 200
    print("searches by status:", dict(TRIED))


def try_lines(running: Running, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(json_lines(), damaged(JSON_LINES), st.binary(max_size=60)))
    @example(b'{"id": 1, "text": "t", "year": ' + b"[" * 940 + b"]" * 940 + b"}\nnull\n")
    def holds(content: bytes) -> None:
        take_in(running, content)

    holds()
    assert running.search().status_code == 200


def test_odd_searches_are_answered_or_refused_in_a_sentence(shop: Running) -> None:
    try_searches(shop, FEW)


def test_every_odd_line_is_counted_or_refused_in_a_sentence(serve: Serve) -> None:
    with serve() as started:
        try_lines(started, FEW)


@pytest.mark.thorough
@pytest.mark.slow
def test_many_odd_searches_are_answered_or_refused_in_a_sentence(shop: Running) -> None:
    try_searches(shop, MANY)


@pytest.mark.thorough
@pytest.mark.slow
def test_every_one_of_many_odd_lines_is_counted_or_refused_in_a_sentence(serve: Serve) -> None:
    with serve() as started:
        try_lines(started, MANY)
