"""Files that are whole or absent, and records as JSON."""

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diptych.files import digest, file_digest, json_of, record_of, write_json, written_atomically

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from diptych.files import written_atomically
with written_atomically(Path(sys.argv[1])) as temporary:
    temporary.write_text("half of the ne")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_file_appears_only_when_the_block_is_left(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "values.txt"
    with written_atomically(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent
        assert temporary.suffix == ".txt"
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "values.txt"
    path.write_text("old")

    def fail_halfway() -> None:
        with written_atomically(path) as temporary:
            temporary.write_text("half of the ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_stays_the_same_when_the_block_removed_the_temporary_file(tmp_path: Path) -> None:
    def remove_and_fail() -> None:
        with written_atomically(tmp_path / "values.txt") as temporary:
            temporary.unlink()
            raise ValueError("the first error")

    with pytest.raises(ValueError, match="the first error"):
        remove_and_fail()
    assert list(tmp_path.iterdir()) == []


def test_a_kill_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "values.txt"
    path.write_text("old")
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"


def test_the_last_of_two_writers_wins_with_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "values.txt"
    with written_atomically(path) as first, written_atomically(path) as second:
        first.write_text("the first")
        second.write_text("the second")
    assert path.read_text() == "the first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_may_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "values.txt"
    with written_atomically(path) as temporary:
        temporary.write_text("whole")
    assert path.stat().st_mode & 0o777 == 0o644


def test_json_is_written_indented_in_unicode_with_a_final_newline(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"name": "grüße"})
    assert path.read_text(encoding="utf-8") == '{\n  "name": "grüße"\n}\n'
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, {"name": {1, 2}})
    assert json.loads(path.read_text(encoding="utf-8")) == {"name": "grüße"}


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_digests_are_equal_only_for_equal_parts(one: list[bytes], other: list[bytes]) -> None:
    assert (digest(*one) == digest(*other)) is (one == other)


def test_a_digest_is_thirty_two_digits_and_the_same_for_text_and_its_bytes() -> None:
    assert len(digest()) == len(digest("x", b"y")) == 32
    assert digest("grüße") == digest("grüße".encode())


@pytest.mark.parametrize("size", [0, 1, 3_000_000])
def test_a_file_s_digest_is_that_of_its_bytes(tmp_path: Path, size: int) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(b"\x07" * size)
    assert file_digest(path) == hashlib.sha256(b"\x07" * size).hexdigest()


@dataclass(frozen=True)
class Shelf:
    """A record with records within it."""

    name: str
    first: "Box"
    boxes: Mapping[str, "Box"]
    notes: tuple[str, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Box:
    width: int | None


SHELF = Shelf("a", Box(1), {"low": Box(2), "high": Box(None)}, ("x", "y"), {"sizes": [1, 2]})


def test_a_record_goes_through_json_and_back(tmp_path: Path) -> None:
    path = tmp_path / "shelf.json"
    write_json(path, asdict(SHELF))
    value = json.loads(path.read_text(encoding="utf-8"))
    assert value == json_of(SHELF)
    assert record_of(Shelf, value) == SHELF


@pytest.mark.parametrize("value", [[1], None, "text", {}, {"first": {"width": 1}}])
def test_what_is_no_record_lacks_its_first_field(value: object) -> None:
    with pytest.raises(KeyError, match="'name'"):
        record_of(Shelf, value)


def test_a_field_that_is_missing_in_a_record_within_is_named_and_others_are_left_out() -> None:
    with pytest.raises(KeyError, match="'width'"):
        record_of(Shelf, json_of(SHELF) | {"boxes": {"low": {"height": 3}}})
    assert record_of(Box, {"width": 3, "height": 4}) == Box(3)
