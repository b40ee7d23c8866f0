"""A collection in PostgreSQL from the command line: its password is shown and stored nowhere."""

import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

pytest.importorskip("psycopg", reason="psycopg is not installed: no PostgreSQL to test with")
pytest.importorskip("pgvector", reason="pgvector is not installed: no PostgreSQL to test with")

from diptych.index.address import open_store
from tests.index.servers_postgresql import PASSWORD, postgresql_server

from .conftest import Diptych, Trained

__all__ = ["postgresql_server"]

SPELT = ("it%27s%20100%25%20secret", PASSWORD)
"""The password as the URI has it, and as it is."""


@pytest.fixture
def place(postgresql_server: str) -> Iterator[str]:
    """Yield the URI of a collection that does not exist yet."""
    uri = f"{postgresql_server}#c{uuid.uuid4().hex[:12]}"
    yield uri
    with closing(open_store(uri)) as opened:
        opened.drop()


def hidden(text: str) -> str:
    """Return a text that holds no password."""
    assert not any(word in text for word in (*SPELT, "secret"))
    return text


def test_no_verb_shows_the_password_and_nothing_keeps_it(
    diptych: Diptych,
    run: Path,
    trained: Trained,
    tiny_set: Path,
    place: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    verbs = [
        ("create", place, "--model", run), ("add", place, tiny_set), ("add", place, "missing.jsonl"),
        ("list", place), ("list", place, "--json"), ("stats", place), ("stats", place, "--json"),
        ("remove", place, "p1"), ("compact", place), ("compact", place, "--json"),
        ("create", place, "--model", run), ("stats", place, "--unknown"), ("list", place, "--where", "year >"),
    ]  # fmt: skip
    said = [diptych("collection", *words) for words in verbs]
    said.append(diptych("search", place, "--text", "a red square", "--json"))
    for done in said:
        hidden(done.out + done.err)
    codes = [done.code for done in said]
    assert codes == [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 0]
    shown = place.replace(SPELT[0], "***")
    assert shown in said[0].err
    assert json.loads(said[6].out)["collection"] == shown
    assert f"a collection already exists at {shown}" in said[10].err
    with closing(open_store(place)) as opened:
        hidden(json.dumps(opened.record()))
    for kept in [*trained.cache.rglob("*"), *tmp_path.rglob("*")]:
        if kept.is_file():
            assert not any(word.encode() in kept.read_bytes() for word in SPELT), kept


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("#", "#2"), "the collection name after # in"),
        (("@/", "@elsewhere@/"), "PostgreSQL does not understand this URI"),
        (("host=", "host=/nowhere"), "cannot be reached"),
        (("#c", "#d"), "there is no collection at"),
        (("postgresql:", "redis:"), "schemes has no entry 'redis'"),
    ],
)
def test_a_place_that_is_wrong_is_refused_without_its_password(
    diptych: Diptych, place: str, change: tuple[str, str], words: str
) -> None:
    wrong = place.replace(*change, 1)
    for verb in (("collection", "stats"), ("search", "--text", "a"), ("collection", "remove", "--where", "a = 1")):
        done = diptych(*verb, wrong)
        assert done.code == 2
        hidden(done.out + done.err)
    assert words in diptych("collection", "stats", wrong).err
