"""Sizes of JPEG XL from the first bytes of files that libjxl wrote, and from hostile ones."""

import io
import struct
from pathlib import Path

import pytest

from diptych.data.jpeg_xl import jpeg_xl_size
from diptych.data.pictures import decode, upright_size
from diptych.errors import BadImage

WRITTEN = {
    "ff0a98f001001308": (40, 20), "ff0a410600130801": (8, 8), "ff0a7f0600130801": (256, 256),
    "ff0a310700130801": (300, 200), "ff0a009001001308": (1, 1), "ff0a1080cec70013": (1000, 3),
    "ff0a3a1f40c00013": (3, 1000), "ff0aba211d001308": (1920, 1080), "ff0aba5d1b001308": (4000, 3000),
    "ff0a48003f9c1800": (20000, 10), "ff0a18a301001308": (120, 100), "ff0a20c001001308": (7, 5),
}  # fmt: skip
SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + kind + content


def codestream(width: int, height: int) -> bytes:
    """Return the beginning of a codestream that announces any size, each side in 30 bits."""
    bits = 0 | 3 << 1 | (height - 1) << 3 | 0 << 33 | 3 << 36 | (width - 1) << 38
    return b"\xff\x0a" + bits.to_bytes(10, "little")


@pytest.mark.parametrize(("head", "size"), WRITTEN.items())
def test_the_size_is_read_as_libjxl_wrote_it(head: str, size: tuple[int, int]) -> None:
    stream = io.BytesIO(bytes.fromhex(head))
    assert jpeg_xl_size(stream) == size
    assert stream.tell() == 0


def test_the_size_is_found_in_boxes_whole_and_in_parts() -> None:
    bare, before = bytes.fromhex("ff0aba5d1b001308"), SIGNATURE + box(b"ftyp", b"jxl ") + box(b"Exif", bytes(900))
    parts = b"".join(box(b"jxlp", struct.pack(">I", k) + bare[k : k + 1]) for k in range(len(bare)))
    large = struct.pack(">I4sQ", 1, b"jxlc", 16 + len(bare)) + bare
    for boxes in (box(b"jxlc", bare), parts, large, struct.pack(">I", 0) + b"jxlc" + bare):
        assert jpeg_xl_size(io.BytesIO(before + boxes)) == (4000, 3000)


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff\xe0", SIGNATURE, SIGNATURE + bytes(40), SIGNATURE + box(b"jxlc", b"")]
)
def test_what_is_no_jpeg_xl_has_no_size(data: bytes) -> None:
    assert jpeg_xl_size(io.BytesIO(data)) is None


@pytest.mark.parametrize(
    ("size", "message"),
    [((60_000, 60_000), "has more than 89,478,485 pixels"), ((1_000_000, 1), "1,000,000 x 1 pixels, more than 65,500")],
)
def test_a_jpeg_xl_out_of_bounds_is_refused_before_its_plug_in_decodes_it(
    tmp_path: Path, size: tuple[int, int], message: str
) -> None:
    for name, data in {"a.jxl": codestream(*size), "b.jxl": SIGNATURE + box(b"jxlc", codestream(*size))}.items():
        (tmp_path / name).write_bytes(data)
        for read in (decode, upright_size):
            with pytest.raises(BadImage, match=rf"{name}' .*{message}"):
                read(tmp_path / name)
