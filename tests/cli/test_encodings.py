"""A terminal whose encoding is not UTF-8 shows what it can, and the rest escaped."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
ENCODINGS = ["ascii", "cp1252", "latin-1"]
NAME = "caf\u00e9 \u732b \U0001f600"
"""What none of the encodings, some or only one of them can show."""


def shown(encoding: str, *arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command line with an encoding for its streams; no traceback may come out."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding, "DIPTYCH_THREADS": "1"}
    command = [sys.executable, "-m", "diptych", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, input=given)
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    done.stdout.decode(encoding.partition(":")[0])
    return done


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a collection of a picture and a text whose names few encodings can show."""
    folder = tmp_path_factory.mktemp("encodings")
    (folder / "album").mkdir()
    Image.new("RGB", (64, 64), "red").save(folder / "album" / f"{NAME}.png")
    (folder / "items.jsonl").write_text(json.dumps({"id": NAME, "text": f"{NAME} \u2013 a cat"}), encoding="utf-8")
    made = shown(
        "ascii", "collection", "create", folder / "shop", "--model", "conse", "--image-encoder", "efficientnet-lite0"
    )
    assert made.returncode == 0
    added = shown("ascii", "collection", "add", folder / "shop", folder / "album", folder / "items.jsonl", "--json")
    assert json.loads(added.stdout)["added"] == 2
    return folder / "shop"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_an_encoding_lacks_is_escaped_in_tables(shop: Path, encoding: str) -> None:
    name = NAME.encode(encoding, "backslashreplace")
    for arguments in (("collection", "list", shop), ("search", shop, "--text", NAME), ("collection", "stats", shop)):
        done = shown(encoding, *arguments)
        assert done.returncode == 0
        assert name in done.stdout or "stats" in arguments


@pytest.mark.parametrize("encoding", [*ENCODINGS, "utf-8"])
def test_json_is_whole_in_every_encoding(shop: Path, encoding: str) -> None:
    done = shown(encoding, "search", shop, "--text", NAME, "--against", "text", "--json")
    found = json.loads(done.stdout.decode(encoding))
    assert (found["query"], found["hits"][0]["id"]) == (NAME, NAME)
    listed = shown(encoding, "collection", "list", shop, "--json").stdout.decode(encoding)
    assert NAME in [json.loads(line)["id"] for line in listed.splitlines()]
    assert (NAME in listed) == (encoding == "utf-8")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", [("--help",), ("search", "--help"), ("data", "list"), ("benchmark", "--help")])
def test_help_and_lists_are_shown_in_every_encoding(encoding: str, arguments: tuple[str, ...]) -> None:
    assert shown(encoding, *arguments).returncode == 0


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_refusal_is_a_sentence_in_every_encoding(shop: Path, encoding: str) -> None:
    done = shown(encoding, "search", shop, "--like", f"{NAME}?")
    assert done.returncode == 2
    assert done.stderr.startswith(b"Error: the collection has no item ")


def test_an_evaluation_is_shown_in_every_encoding(run: Path) -> None:
    for encoding in ENCODINGS:
        assert shown(encoding, "evaluate", run).returncode == 0


def test_a_handler_of_errors_that_the_user_chose_stays(shop: Path) -> None:
    assert b"caf? ? ?" in shown("ascii:replace", "collection", "list", shop).stdout


def test_input_that_is_not_in_the_encoding_is_refused_in_a_sentence(shop: Path) -> None:
    for encoding, given in (("ascii", "a caf\u00e9".encode()), ("utf-8", b"a caf\xe9")):
        done = shown(encoding, "search", shop, "--text", "-", given=given)
        assert done.returncode == 2
        assert done.stderr.startswith(b"Error: the text to search for must be valid Unicode; got 'a caf")
