"""Small pictures and manifests, made anew for every test."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

MakePicture = Callable[..., Path]
WriteManifest = Callable[..., Path]


@pytest.fixture
def make_picture(tmp_path: Path) -> MakePicture:
    """Return a function that saves a picture of one colour below tmp_path, a new colour each time."""
    made = 0

    def make(name: str, size: tuple[int, int] = (8, 6)) -> Path:
        nonlocal made
        made += 1
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (made % 256, made // 256, 90)).save(path)
        return path

    return make


@pytest.fixture
def make_bomb(tmp_path: Path) -> Callable[[str, int], Path]:
    """Return a function that writes a PNG whose header announces a square of the given side, and no pixels."""

    def make(name: str, side: int) -> Path:
        chunks = [
            (b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"")),
            (b"IEND", b""),
        ]
        body = [
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks
        ]
        path = tmp_path / name
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(body))
        return path

    return make


@pytest.fixture
def write_lines(tmp_path: Path) -> WriteManifest:
    """Return a function that writes rows as JSON lines below tmp_path; a row of bytes is written as it is."""

    def write(*rows: dict[str, object] | bytes, name: str = "pairs.jsonl") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
        path.write_bytes(b"\n".join(lines) + b"\n")
        return path

    return write
