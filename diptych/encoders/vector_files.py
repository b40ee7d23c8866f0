"""Files of word vectors: word2vec's binary format, and the text formats of word2vec and GloVe.

A file is scanned once to locate each word's vector; the vectors stay in the file and are read on demand through a
memory map, so three gigabytes of vectors need no memory.
"""

import mmap
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from diptych.encoders.word_vectors import WordTable
from diptych.errors import BadCheckpoint

LONGEST_WORD = 4096
"""In bytes; a file with longer words is not a word vector file."""
LONGEST_HEADER = 64
WIDEST = 65_536
COUNT_AND_WIDTH = re.compile(rb"(\d{1,12}) (\d{1,5})\s*\r?\n")
BYTES_A_NUMBER = 4


def read_binary(path: Path, *, limit: int = 0) -> WordTable:
    """Return the words of a file in word2vec's binary format: a header `n d`, then n times word, space, d floats."""
    content = _mapped(path)
    if not (header := COUNT_AND_WIDTH.match(content[:LONGEST_HEADER])):
        raise BadCheckpoint(f"{path} must begin with the number of words and their width, as word2vec writes it.")
    count, width = int(header[1]), _width(int(header[2]), path)
    if count * width * BYTES_A_NUMBER > len(content):
        raise BadCheckpoint(
            f"{path} is too short for the {count} words of {width} numbers it announces. Copy it again."
        )
    positions: dict[str, int] = {}
    cursor = header.end()
    for k in range(min(count, limit or count)):
        space = content.find(b" ", cursor, cursor + LONGEST_WORD)
        if space < 0 or space + 1 + width * BYTES_A_NUMBER > len(content):
            raise BadCheckpoint(f"{path} ends at word {k + 1} of {count}. Copy it again.")
        positions.setdefault(content[cursor:space].decode("utf-8", "replace").lstrip("\n"), space + 1)
        cursor = space + 1 + width * BYTES_A_NUMBER

    def fetch(offsets: Sequence[int]) -> Float32[np.ndarray, "t d"]:
        return np.stack([np.frombuffer(content, "<f4", width, offset) for offset in offsets])

    return WordTable(positions, width, fetch)


def read_text(path: Path, *, limit: int = 0) -> WordTable:
    """Return the words of a text file: a line is a word and its numbers; word2vec's header line is skipped."""
    content = _mapped(path)
    width = 0
    positions: dict[str, int] = {}
    for number, (start, line) in enumerate(_lines(content), start=1):
        if number == 1 and COUNT_AND_WIDTH.fullmatch(line.rstrip() + b"\n"):
            continue
        width = width or _width(len(line.split()) - 1, path)
        word, *numbers = line.rstrip().rsplit(b" ", width)
        if len(numbers) != width:
            raise BadCheckpoint(
                f"{path}, line {number}: wanted a word and {width} numbers; got {len(numbers)} numbers."
            )
        positions.setdefault(word.decode("utf-8", "replace"), start)
        if len(positions) == limit:
            break
    if not positions:
        raise BadCheckpoint(f"{path} contains no words. Give a file of word vectors.")

    def fetch(starts: Sequence[int]) -> Float32[np.ndarray, "t d"]:
        return np.stack([_numbers(content, start, width, path) for start in starts])

    return WordTable(positions, width, fetch)


def _mapped(path: Path) -> mmap.mmap:
    if path.stat().st_size == 0:
        raise BadCheckpoint(f"{path} is empty. Give a file of word vectors.")
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if content[:2] in (b"\x1f\x8b", b"PK"):
        raise BadCheckpoint(f"{path} is compressed. Unpack it first.")
    return content


def _lines(content: mmap.mmap) -> Iterator[tuple[int, bytes]]:
    """Yield each non-empty line with its start position."""
    start = 0
    while line := content.readline():
        if line.strip():
            yield start, line
        start += len(line)


def _width(width: int, path: Path) -> int:
    if not 0 < width <= WIDEST:
        raise BadCheckpoint(f"{path} is not a word vector file: its vectors cannot have {width} dimensions.")
    return width


def _numbers(content: mmap.mmap, start: int, width: int, path: Path) -> Float32[np.ndarray, " d"]:
    line = content[start : content.find(b"\n", start) if content.find(b"\n", start) >= 0 else len(content)]
    try:
        return np.array(line.rstrip().rsplit(b" ", width)[1:], dtype=np.float32)
    except ValueError as error:
        raise BadCheckpoint(f"{path}: the line {line[:40]!r} is not a word and {width} numbers.") from error
