"""How much a command says: `--quiet` and `--verbose`."""

import re
from pathlib import Path

import pytest

from .conftest import SHORT, SMALL, Diptych


def test_a_quiet_command_shows_its_result_alone(diptych: Diptych, tiny_set: Path) -> None:
    usual, quiet = (diptych(*loudness, "encode", tiny_set, *SMALL) for loudness in ((), ("--quiet",)))
    assert usual.err
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out.startswith("tiny: 24 pictures and 48 texts in ")


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_a_quiet_command_still_says_what_is_wrong(flag: str, diptych: Diptych, tmp_path: Path) -> None:
    done = diptych(flag, "search", tmp_path / "nothing", "--text", "a cat")
    assert done.code == 2
    assert done.err.startswith("Error: there is no run and no collection at ")
    assert "Traceback" not in done.err


def test_a_quiet_command_says_what_was_rejected(diptych: Diptych, tmp_path: Path) -> None:
    album = tmp_path / "album"
    album.mkdir()
    (album / "broken.png").write_bytes(b"no picture")
    (album / "pairs.jsonl").write_text('{"image": "broken.png", "text": "a cat"}\n')
    made = diptych("-q", "collection", "create", tmp_path / "shop", "--model", "conse", *SMALL)
    assert (made.code, made.err) == (0, "")
    added = diptych("-q", "collection", "add", tmp_path / "shop", album, "--rejects", tmp_path / "rejects.jsonl")
    assert added.code == 1
    assert added.err == f"Rejected 1 item; {tmp_path / 'rejects.jsonl'} says why.\n"


def test_a_verbose_command_says_what_it_runs_on_and_what_it_took(diptych: Diptych, tiny_set: Path) -> None:
    done = diptych("-v", "data", "stats", tiny_set)
    first, *_, last = done.err.splitlines()
    assert re.fullmatch(r"diptych [\d.]+ on Python 3\.\d+\.\d+, torch .*, lancedb .*; \d+ threads?; cache /.*", first)
    assert re.fullmatch(r"[\d.]+ seconds, [\d.]+ of a processor; at most [\d,]+ MB of memory", last)


def test_a_verbose_command_shows_where_an_error_came_from(diptych: Diptych, tiny_set: Path, tmp_path: Path) -> None:
    words = ("train", "mcsm", "--data", tiny_set, "--out", tmp_path / "run", *SMALL, *SHORT, "--set", "fusion=nothing")
    usual, verbose = diptych(*words), diptych("--verbose", *words)
    assert "Traceback" not in usual.err
    assert "Traceback (most recent call last):" in verbose.err
    assert usual.err.splitlines()[-1] in verbose.err


def test_one_command_does_not_set_how_loud_the_next_is(diptych: Diptych, tiny_set: Path) -> None:
    assert diptych("-v", "data", "stats", tiny_set).err
    assert diptych("data", "stats", tiny_set).err == ""


def test_quiet_and_verbose_exclude_each_other(diptych: Diptych, tiny_set: Path) -> None:
    done = diptych("-q", "-v", "data", "stats", tiny_set)
    assert done.code == 2
    assert "Invalid value for --quiet / --verbose: choose one of the two." in done.err
