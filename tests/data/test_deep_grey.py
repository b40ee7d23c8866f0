"""Known answers for grey of more than eight bits, from real files."""

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from diptych.data.pictures import decode


def greys(path: Path) -> list[int]:
    """Return the greys of a picture of one row as it is decoded."""
    picture = np.asarray(decode(path))
    assert (picture[..., 0] == picture[..., 1]).all()
    assert (picture[..., 0] == picture[..., 2]).all()
    return picture[0, :, 0].tolist()


def saved(path: Path, values: list[float], kind: str, **tags: object) -> Path:
    """Write one row of values of a numpy type as a TIFF, with tags by their numbers after `t`."""
    extra = TiffImagePlugin.ImageFileDirectory_v2()
    for name, value in tags.items():
        extra[int(name[1:])] = value
    Image.fromarray(np.array([values], kind)).save(path, "TIFF", tiffinfo=extra)
    return path


@pytest.mark.parametrize(
    ("kind", "values", "wanted"),
    [
        ("<u2", [0, 255, 0x8000, 65535], [0, 0, 128, 255]),
        (">u2", [0, 255, 0x8000, 65535], [0, 0, 128, 255]),
        ("<u2", [0, 1023, 8192, 16383], [0, 15, 128, 255]),
        ("<u2", [0, 16, 2048, 4095], [0, 1, 128, 255]),
        (">u2", [0, 16, 2048, 4095], [0, 1, 128, 255]),
        ("<u2", [0, 4, 512, 1023], [0, 1, 128, 255]),
        ("<u2", [0, 1, 128, 255], [0, 1, 128, 255]),
        ("<i4", [0, 1, 128, 255], [0, 1, 128, 255]),
        ("<i4", [0, 16, 2048, 4095], [0, 1, 128, 255]),
        ("<i4", [0, 0x8000, 65535], [0, 128, 255]),
        ("<i4", [1_000_000, 1_500_000, 2_000_000], [0, 128, 255]),
        ("<i4", [-1000, 0, 1000], [0, 128, 255]),
        ("<i4", [-7, -7], [128, 128]),
        ("<i4", [0, 0], [0, 0]),
        ("<f4", [0.0, 0.5, 1.0], [0, 128, 255]),
        ("<f4", [0.0, 0.1, 0.2], [0, 26, 51]),
        ("<f4", [0.0, 127.6, 255.0], [0, 128, 255]),
        ("<f4", [0.0, 500.0, 1000.0], [0, 128, 255]),
        ("<f4", [-1.0, 0.0, 1.0], [0, 128, 255]),
        ("<f4", [float("nan"), 0.0, 1.0], [0, 0, 255]),
        ("<f4", [float("-inf"), 0.5, 1.0, float("inf")], [0, 128, 255, 255]),
        ("<f4", [float("nan"), float("nan")], [0, 0]),
        ("<f4", [3e38, -3e38], [255, 0]),
        ("<f4", [400.0, 400.0], [128, 128]),
    ],
)
def test_values_of_every_range_are_shown_from_black_to_white(
    tmp_path: Path, kind: str, values: list[float], wanted: list[int]
) -> None:
    assert greys(saved(tmp_path / "a.tif", values, kind)) == wanted


def test_every_value_of_full_sixteen_bits_is_shown_by_its_higher_byte(tmp_path: Path) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    for name in ("a.png", "a.tif", "a.jp2"):
        Image.fromarray(values).save(tmp_path / name)
        assert np.array_equal(np.asarray(decode(tmp_path / name))[..., 0], values >> 8), name


def test_signed_values_of_sixteen_bits_are_stretched(tmp_path: Path) -> None:
    pixels, count = struct.pack("<3h", -32768, 0, 32767), 9
    tags = {256: 3, 257: 1, 258: 16, 259: 1, 262: 1, 273: 8 + 2 + 12 * count + 4, 277: 1, 279: len(pixels), 339: 2}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + pixels)
    assert greys(tmp_path / "a.tif") == [0, 128, 255]


def test_unsigned_values_of_thirty_two_bits_do_not_become_negative(tmp_path: Path) -> None:
    pixels, count = struct.pack("<3I", 0, 2**31, 2**32 - 1), 9
    tags = {256: 3, 257: 1, 258: 32, 259: 1, 262: 1, 273: 8 + 2 + 12 * count + 4, 277: 1, 279: len(pixels), 339: 1}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<IH", 8, count) + entries + bytes(4) + pixels)
    assert greys(tmp_path / "a.tif") == [0, 128, 255]


def test_a_pgm_states_its_largest_value_so_a_dark_one_stays_dark(tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(b"P5 3 1 4095\n" + struct.pack(">3H", 0, 160, 320))
    assert greys(tmp_path / "a.pgm") == [0, 10, 20]


def test_a_tiff_may_count_from_white_to_black(tmp_path: Path) -> None:
    assert greys(saved(tmp_path / "a.tif", [0, 0x8000, 65535], "<u2", t262=0)) == [255, 127, 0]


def test_pixels_that_a_geotiff_calls_empty_do_not_darken_the_others(tmp_path: Path) -> None:
    assert greys(saved(tmp_path / "a.tif", [-9999.0, 0.0, 0.5, 1.0], "<f4", t42113="-9999")) == [0, 0, 128, 255]


def test_a_transparent_value_becomes_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0x8000, 65535]], np.uint16)).save(tmp_path / "a.png", transparency=0)
    assert greys(tmp_path / "a.png") == [255, 128, 255]


def test_deep_grey_is_turned_upright_in_every_byte_order(tmp_path: Path) -> None:
    for kind in ("<u2", ">u2", "<i4", "<f4"):
        values = np.array([[0, 30000], [60000, 65535], [1000, 2000]], kind)
        for compression in (None, "tiff_deflate"):
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            tags[0x0112] = 6
            Image.fromarray(values).save(tmp_path / "a.tif", tiffinfo=tags, compression=compression)
            shown = np.asarray(decode(tmp_path / "a.tif"))[..., 0]
            assert np.abs(np.rot90(shown.astype(int)) - values / 257).max() <= 1, (kind, compression)
