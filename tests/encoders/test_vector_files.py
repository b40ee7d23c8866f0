import gzip
from pathlib import Path

import numpy as np
import pytest

from diptych.encoders.vector_files import read_binary, read_text
from diptych.encoders.word_vectors import WordTable
from diptych.errors import BadCheckpoint

WORDS = ["the", "kočka", "new_york", "猫"]
VECTORS = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)


def binary(*, newline: bytes = b"\n", count: int = 4) -> bytes:
    rows = [word.encode() + b" " + vector.tobytes() + newline for word, vector in zip(WORDS, VECTORS, strict=True)]
    return f"{count} 3\n".encode() + b"".join(rows)


def text(header: str = "") -> str:
    rows = [" ".join([word, *map(repr, vector.tolist())]) for word, vector in zip(WORDS, VECTORS, strict=True)]
    return header + "\n".join(rows) + "\n"


def check(table: WordTable, count: int = 4) -> None:
    assert list(table.positions) == WORDS[:count]
    assert table.width == 3
    for word, vector in zip(WORDS[:count], VECTORS, strict=False):
        np.testing.assert_array_equal(table.fetch([table.positions[word]]), vector[None])


@pytest.mark.parametrize("newline", [b"\n", b""])
def test_a_binary_file_is_read_with_and_without_line_ends(tmp_path: Path, newline: bytes) -> None:
    path = tmp_path / "words.bin"
    path.write_bytes(binary(newline=newline))
    check(read_binary(path))
    check(read_binary(path, limit=2), 2)


@pytest.mark.parametrize("header", ["", "4 3\n"])
def test_a_text_file_is_read_with_and_without_header(tmp_path: Path, header: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(text(header), encoding="utf-8")
    check(read_text(path))
    check(read_text(path, limit=2), 2)


def test_words_with_spaces_and_lines_without_end_are_read(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("cat 1 2\r\n. . . 3 4\n\ndog 5 6")
    table = read_text(path)
    assert list(table.positions) == ["cat", ". . .", "dog"]
    np.testing.assert_array_equal(table.fetch(list(table.positions.values())), [[1, 2], [3, 4], [5, 6]])


def test_the_first_of_equal_words_counts(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("cat 1 2\ncat 3 4\n")
    table = read_text(path)
    np.testing.assert_array_equal(table.fetch([table.positions["cat"]]), [[1, 2]])


def test_a_binary_file_shorter_than_announced_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.bin").write_bytes(binary(count=999_999_999))
    with pytest.raises(BadCheckpoint, match=r"words.bin is too short for the 999999999 words of 3 numbers"):
        read_binary(tmp_path / "words.bin")


def test_a_binary_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.bin").write_bytes(binary()[:-4])
    with pytest.raises(BadCheckpoint, match=r"words.bin ends at word 4 of 4. Copy it again"):
        read_binary(tmp_path / "words.bin")


@pytest.mark.parametrize("content", [b"hello", b"four three\n", b"x" * 1000])
def test_a_binary_file_without_header_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "words.bin").write_bytes(content)
    with pytest.raises(BadCheckpoint, match="must begin with the number of words and their width"):
        read_binary(tmp_path / "words.bin")


def test_an_impossible_width_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.bin").write_bytes(b"1 99999\n" + b"x" * 400_000)
    with pytest.raises(BadCheckpoint, match="its vectors cannot have 99999 dimensions"):
        read_binary(tmp_path / "words.bin")
    (tmp_path / "words.txt").write_text("word\n")
    with pytest.raises(BadCheckpoint, match="its vectors cannot have 0 dimensions"):
        read_text(tmp_path / "words.txt")


def test_a_short_line_is_named_by_its_number(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("cat 1 2\ndog 3\n")
    with pytest.raises(BadCheckpoint, match=r"words.txt, line 2: wanted a word and 2 numbers; got 1 numbers"):
        read_text(tmp_path / "words.txt")


def test_a_line_of_other_things_is_quoted_when_its_word_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("cat 1 2\ndog x y\n")
    table = read_text(tmp_path / "words.txt")
    with pytest.raises(BadCheckpoint, match="the line b'dog x y' is not a word and 2 numbers"):
        table.fetch([table.positions["dog"]])


def test_a_compressed_file_asks_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "words.bin").write_bytes(gzip.compress(binary()))
    with pytest.raises(BadCheckpoint, match=r"words.bin is compressed. Unpack it first"):
        read_binary(tmp_path / "words.bin")


@pytest.mark.parametrize("content", ["", "\n\n", "4 3\n"])
def test_a_file_without_words_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "words.txt").write_text(content)
    with pytest.raises(BadCheckpoint, match=r"words.txt (is empty|contains no words). Give a file of word vectors"):
        read_text(tmp_path / "words.txt")
