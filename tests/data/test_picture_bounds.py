"""Files of a few kilobytes that announce far more: each is refused by its header, in a sentence."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image

from diptych.data.picture_bounds import MAX_SCANS, MAX_SIDE, count_scans
from diptych.data.pictures import decode, raster_suffix, upright_size
from diptych.errors import BadImage

PIXELS = 40_000_000


def jpeg(**options: object) -> bytes:
    written = io.BytesIO()
    Image.effect_noise((64, 64), 80).convert("RGB").save(written, "JPEG", **options)
    return written.getvalue()


def repeated(data: bytes, times: int) -> bytes:
    """Return a JPEG whose last scan is there so many times more."""
    last = data.rindex(b"\xff\xda")
    return data[:-2] + times * data[last:-2] + b"\xff\xd9"


def in_single_scans(data: bytes, times: int) -> bytes:
    """Return a JPEG that is not progressive, with an empty scan of one component after another."""
    start = data.index(b"\xff\xda")
    scans = b"".join(b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, part, 0, 0, 63, 0) for part in (1, 2, 3))
    return data[:start] + times * scans + b"\xff\xd9"


def png(width: int, height: int) -> bytes:
    """Return a complete grey PNG of this size, all black."""
    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(1 + width)) for _ in range(height)) + packer.flush()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def tiled_tiff(side: int, tile: int) -> bytes:
    """Return a grey TIFF whose one tile is larger than itself."""
    packer = zlib.compressobj()
    data = b"".join(packer.compress(bytes(tile)) for _ in range(tile)) + packer.flush()
    tags = {256: side, 257: side, 258: 8, 259: 8, 262: 1, 277: 1, 322: tile, 323: tile, 324: 0, 325: len(data)}
    tags[324] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


BAD = {
    "progressive scans": (repeated(jpeg(progressive=True), 4000), "more than 100 scans"),
    "scans of one component": (in_single_scans(jpeg(), 2000), "more than 100 scans"),
    "one row": (png(40_000_000, 1), "has 40,000,000 x 1 pixels, more than 65,500 along a side. Scale it down"),
    "one column": (png(1, MAX_SIDE + 1), "has 1 x 65,501 pixels, more than 65,500 along a side. Scale it down"),
    "a tile": (tiled_tiff(16, 16_384), "has tiles that are larger than itself"),
}


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_a_picture_out_of_bounds_is_refused_by_every_reader(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(data)
    for read in (decode, upright_size):
        with pytest.raises(BadImage, match=rf"picture '.*bad' .*{message}"):
            read(path)
    with pytest.raises(BadImage, match=rf"the picture .*{message}"):
        raster_suffix(data, pixels=PIXELS)


@pytest.mark.parametrize(("data", "message"), BAD.values(), ids=BAD)
def test_refusing_a_picture_takes_little_memory(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "bad").write_bytes(data)
    program = f"""
import resource
from pathlib import Path
from diptych.data.pictures import decode
from diptych.errors import BadImage
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode(Path({str(tmp_path / "bad")!r}))
except BadImage:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) < 40_000  # KiB


def test_a_picture_at_the_bounds_is_read(tmp_path: Path) -> None:
    for name, data, size in (
        ("row.png", png(MAX_SIDE, 1), (MAX_SIDE, 1)),
        ("column.png", png(1, MAX_SIDE), (1, MAX_SIDE)),
        ("tile.tif", tiled_tiff(4000, 4096), (4000, 4000)),
        ("scans.jpg", repeated(jpeg(progressive=True), 90), (64, 64)),
    ):
        (tmp_path / name).write_bytes(data)
        assert decode(tmp_path / name).size == upright_size(tmp_path / name) == size
        raster_suffix(data, pixels=PIXELS)


def test_scans_are_counted_as_a_decoder_meets_them() -> None:
    progressive = jpeg(progressive=True)
    assert count_scans(jpeg()) == 1
    assert count_scans(progressive) == progressive.count(b"\xff\xda") == 10
    assert count_scans(repeated(progressive, 20)) == 30
    assert count_scans(repeated(progressive, 4000)) == MAX_SCANS + 1


def test_counting_ends_early_in_a_file_of_nothing_but_segments() -> None:
    data = jpeg(progressive=True)
    assert count_scans(data[:2] + b"\xff\xfe\x00\x02" * 1_000_000 + data[2:]) == MAX_SCANS + 1


def test_what_only_looks_like_a_scan_is_not_counted() -> None:
    look = b"\xff\xda" * 200
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(look)) + look
    data = jpeg(progressive=True, exif=b"Exif\0\0" + look, comment=look)
    first = data.index(b"\xff\xda\x00\x0c\x03\x01\x00\x02")
    assert count_scans(data[:first] + comment + data[first:] + look) == 10


def test_the_end_of_a_picture_cannot_be_faked_within_a_comment() -> None:
    data = jpeg(progressive=True)
    last = data.rindex(b"\xff\xda")
    hidden = data[:last] + b"\xff\xfe\x00\x04\xff\xd9" + data[last:]
    assert count_scans(repeated(hidden, 200)) == MAX_SCANS + 1


def test_a_drawing_that_another_program_would_have_to_render_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.jpg")
    with pytest.raises(BadImage, match=r"a.jpg' is EPS, which is no raster picture. Save it as PNG."):
        decode(tmp_path / "a.jpg")
