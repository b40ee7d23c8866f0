import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from diptych.data.addresses import Address
from diptych.data.pictures import MAX_SVG_BYTES, RASTER, SUFFIXES, SVG_SIDE, decode, upright_size
from diptych.errors import BadImage, MissingData

RED = (255, 0, 0)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100"><rect width="200" height="50" fill="#f00"/></svg>'


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.webp", "a.tif"])
def test_every_usual_format_becomes_red_green_and_blue(tmp_path, name):
    Image.new("RGB", (40, 30), RED).save(tmp_path / name)
    picture = decode(tmp_path / name)
    assert (picture.mode, picture.size) == ("RGB", (40, 30))
    assert np.abs(np.array(picture, dtype=int) - RED).max() < 6


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "LA", "I;16"])
def test_every_mode_becomes_red_green_and_blue(tmp_path, mode):
    path = tmp_path / "a.tif"
    (Image.new("I;16", (4, 4), 65535) if mode == "I;16" else Image.new("RGB", (4, 4), "white").convert(mode)).save(path)
    assert decode(path).getpixel((1, 1)) == (255, 255, 255)


def test_sixteen_bits_of_grey_keep_their_brightness(tmp_path):
    Image.new("I;16", (4, 4), 0x8000).save(tmp_path / "a.png")
    assert decode(tmp_path / "a.png").getpixel((0, 0)) == (128, 128, 128)


def test_transparency_becomes_white(tmp_path):
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(tmp_path / "a.png")
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 0])
    palette.save(tmp_path / "b.png", transparency=0)
    assert decode(tmp_path / "a.png").getpixel((0, 0)) == decode(tmp_path / "b.png").getpixel((0, 0)) == (255, 255, 255)


def test_the_camera_s_orientation_is_honoured(tmp_path):
    image = Image.new("RGB", (40, 20), "blue")
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    assert decode(tmp_path / "a.jpg").size == (20, 40)


@pytest.mark.parametrize(("orientation", "size"), [(None, (40, 20)), (1, (40, 20)), (3, (40, 20)), (6, (20, 40))])
def test_the_size_is_that_of_the_upright_picture(tmp_path, orientation, size):
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    Image.new("RGB", (40, 20), "blue").save(tmp_path / "a.jpg", exif=exif)
    assert upright_size(tmp_path / "a.jpg") == decode(tmp_path / "a.jpg").size == size


CORNERS = ((255, 0, 0), (0, 160, 0), (0, 0, 255), (255, 255, 0))
"""Colours of the top left, top right, bottom left and bottom right of a picture that is looked at upright."""
STORED = {
    1: (0, 1, 2, 3), 2: (1, 0, 3, 2), 3: (3, 2, 1, 0), 4: (2, 3, 0, 1),
    5: (0, 2, 1, 3), 6: (1, 3, 0, 2), 7: (3, 1, 2, 0), 8: (2, 0, 3, 1),
}  # fmt: skip
"""The corners of the upright picture that a file with each orientation stores, in the order of `CORNERS`."""
ODD_TAGS = {
    "none": [],
    "XResolution as text": [(0x011A, 2, 4, b"72\0\0")],
    "ResolutionUnit as a decimal": [(0x0128, 11, 1, struct.pack("<f", 2.0))],
    "ResolutionUnit undefined": [(0x0128, 7, 4, b"abcd")],
    "a negative PageNumber": [(0x0129, 9, 1, struct.pack("<i", -5))],
    "a text of no characters": [(0x0131, 2, 0, bytes(4))],
    "a tag of an unknown type": [(0x9999, 99, 1, bytes(4))],
}


def stored(orientation: int, size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Return the pixels of a file with an orientation, so that the picture is looked at in this size."""
    width, height = size if orientation < 5 else size[::-1]
    image = Image.new("RGB", (width, height))
    for place, corner in enumerate(STORED[orientation]):
        image.paste(CORNERS[corner], ((place % 2) * width // 2, (place // 2) * height // 2, width, height))
    return image


def is_upright(picture: Image.Image) -> bool:
    """Return whether a decoded picture of `stored` shows its colours where they belong."""
    (width, height), edge = picture.size, 5
    places = [(edge, edge), (width - edge, edge), (edge, height - edge), (width - edge, height - edge)]
    return all(
        np.abs(np.subtract(picture.getpixel(place), colour)).max() < 40
        for place, colour in zip(places, CORNERS, strict=True)
    )


def tagged(orientation: int, tags: list[tuple[int, int, int, bytes]]) -> bytes:
    """Return EXIF with an orientation and other tags, each with its type, count and four bytes."""
    entries = sorted([(0x0112, 3, 1, struct.pack("<HH", orientation, 0)), *tags])
    body = b"".join(struct.pack("<HHI", *head) + value for *head, value in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4)


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "TIFF deflate", "TIFF grey", "MPO"])
def test_a_picture_of_any_format_is_upright_and_its_size_is_known_by_its_header(
    tmp_path: Path, form: str, orientation: int
) -> None:
    path, image = tmp_path / "a.picture", stored(orientation)
    name, _, kind = form.partition(" ")
    if name == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2()
        tags[0x0112] = orientation
        image = image.convert("L") if kind == "grey" else image
        image.save(path, name, tiffinfo=tags, compression="tiff_deflate" if kind == "deflate" else None)
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        more = {"save_all": True, "append_images": [image]} if name == "MPO" else {}
        image.save(path, name, exif=exif, **more)
    picture = decode(path)
    assert upright_size(path) == picture.size == (60, 40)
    if kind == "grey":
        grey = stored(1).convert("L").convert("RGB")
        assert np.array_equal(np.asarray(picture), np.asarray(grey))
    else:
        assert is_upright(picture)
    assert 0x0112 not in picture.getexif()


@pytest.mark.parametrize("tags", ODD_TAGS.values(), ids=ODD_TAGS)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.filterwarnings("ignore:Possibly corrupt EXIF data")
def test_a_picture_with_an_odd_tag_is_turned_upright(tmp_path: Path, form: str, tags: list) -> None:
    stored(6).save(tmp_path / "a", form, exif=tagged(6, tags))
    assert upright_size(tmp_path / "a") == (60, 40)
    assert is_upright(decode(tmp_path / "a"))


@pytest.mark.parametrize("tags", ODD_TAGS.values(), ids=ODD_TAGS)
def test_a_tiff_with_an_odd_tag_is_turned_upright(tmp_path: Path, tags: list) -> None:
    path, image = tmp_path / "a.tif", stored(6)
    known = {
        0x0100: image.width,
        0x0101: image.height,
        0x0103: 1,
        0x0106: 2,
        0x0112: 6,
        0x0115: 3,
        0x0116: image.height,
    }
    entries = [(tag, 4, 1, struct.pack("<I", value)) for tag, value in known.items()]
    after = 8 + 2 + 12 * (len(entries) + 3 + len(tags)) + 4
    entries += [
        (0x0102, 3, 3, struct.pack("<I", after)),
        (0x0111, 4, 1, struct.pack("<I", after + 6)),
        (0x0117, 4, 1, struct.pack("<I", 3 * image.width * image.height)),
    ]
    body = b"".join(struct.pack("<HHI", *head) + value for *head, value in sorted([*entries, *tags]))
    head = b"II*\0" + struct.pack("<IH", 8, len(entries) + len(tags))
    path.write_bytes(head + body + bytes(4) + struct.pack("<3H", 8, 8, 8) + image.tobytes())
    assert upright_size(path) == (60, 40)
    assert is_upright(decode(path))


@pytest.mark.parametrize(
    ("entry", "size"),
    [
        ((0x0112, 1, 1, b"\6\0\0\0"), (60, 40)),
        ((0x0112, 3, 2, struct.pack("<HH", 6, 1)), (60, 40)),
        ((0x0112, 4, 1, struct.pack("<I", 6)), (60, 40)),
        ((0x0112, 3, 1, struct.pack("<HH", 9, 0)), (40, 60)),
        ((0x0112, 2, 4, b"top\0"), (40, 60)),
    ],
)
@pytest.mark.filterwarnings("ignore:Metadata Warning, tag 274 had too many entries")
def test_an_orientation_of_another_type_counts_if_it_can_be_understood(
    tmp_path: Path, entry: tuple, size: tuple
) -> None:
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + struct.pack("<HHI", *entry[:3]) + entry[3] + bytes(4)
    stored(6).save(tmp_path / "a.jpg", exif=exif)
    assert upright_size(tmp_path / "a.jpg") == decode(tmp_path / "a.jpg").size == size


def test_a_picture_with_broken_exif_is_read_as_it_is(tmp_path: Path) -> None:
    stored(1).save(tmp_path / "a.png", exif=b"Exif\0\0no directory of tags")
    assert upright_size(tmp_path / "a.png") == (60, 40)
    assert is_upright(decode(tmp_path / "a.png"))


def test_an_orientation_in_xmp_alone_counts_in_every_format(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    for form in ("JPEG", "WEBP"):
        stored(6).save(tmp_path / form, form, xmp=xmp)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[700] = xmp
    stored(6).save(tmp_path / "TIFF", "TIFF", tiffinfo=tags)
    for form in ("JPEG", "WEBP", "TIFF"):
        assert upright_size(tmp_path / form) == (60, 40), form
        assert is_upright(decode(tmp_path / form)), form


@pytest.mark.parametrize("suffix", sorted(SUFFIXES - {".svg", ".heic", ".heif", ".hif", ".jxl"}))
def test_every_suffix_marks_a_format_that_is_read(tmp_path: Path, suffix: str) -> None:
    Image.init()
    form = Image.registered_extensions()[suffix]
    assert form in {*Image.OPEN, "MPO"}
    image = Image.new("F", (12, 8), 1.0) if suffix == ".pfm" else Image.new("RGB", (12, 8), "white")
    image = image.convert("1") if suffix == ".pbm" else image.convert("L") if suffix == ".pgm" else image
    path = tmp_path / f"a{suffix}"
    if form == "PSD":  # which Pillow does not write
        head = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 8, 12, 8, 3) + bytes(12) + bytes(2)
        path.write_bytes(head + b"\xff" * (3 * 8 * 12))
    elif form == "QOI" and form not in Image.SAVE:
        path.write_bytes(b"qoif" + struct.pack(">IIBB", 12, 8, 3, 0) + b"\xfe\xff\xff\xff\xfd\xe1" + bytes(7) + b"\1")
    else:
        image.save(path, form)
    assert decode(path).size == upright_size(path) == (12, 8)
    assert decode(path).getpixel((5, 5)) == (255, 255, 255)


def test_what_users_may_hand_over_is_not_widened() -> None:
    assert set(RASTER) == {"AVIF", "BMP", "GIF", "JPEG", "MPO", "PNG", "TIFF", "WEBP"}


def test_a_picture_inside_another_file_is_read_without_a_suffix() -> None:
    written = io.BytesIO()
    stored(6).save(written, "JPEG", exif=tagged(6, []))
    cell = Address("a.parquet", "image", 0, data=written.getvalue())
    assert upright_size(cell) == (60, 40)
    assert is_upright(decode(cell))


def test_the_size_of_an_svg_is_that_of_the_square_it_is_drawn_into(tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    assert upright_size(tmp_path / "a.svg") == decode(tmp_path / "a.svg", side=SVG_SIDE).size


def test_a_large_jpeg_is_decoded_small_but_not_below_twice_the_side(tmp_path):
    Image.new("RGB", (2000, 1600), "blue").save(tmp_path / "a.jpg")
    assert decode(tmp_path / "a.jpg", side=224).size == (1000, 800)
    assert decode(tmp_path / "a.jpg", side=1000).size == (2000, 1600)


def test_an_svg_is_drawn_in_the_middle_of_a_white_square(tmp_path):
    (tmp_path / "a.svg").write_text(SVG)
    picture = decode(tmp_path / "a.svg", side=100)
    assert picture.size == (100, 100)
    assert [picture.getpixel((50, y)) for y in (10, 35, 60, 90)] == [
        (255, 255, 255),
        RED,
        (255, 255, 255),
        (255, 255, 255),
    ]


def test_a_truncated_jpeg_is_named_with_its_file(tmp_path):
    path = tmp_path / "half.jpg"
    Image.effect_noise((200, 200), 80).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadImage, match=r"picture '.*half.jpg' cannot be decoded: .*truncated.* Replace the file"):
        decode(path)


@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_what_is_no_picture_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"not a picture")
    with pytest.raises(BadImage, match=rf"{name}' cannot be decoded"):
        decode(tmp_path / name)


@pytest.mark.parametrize("side", [30_000, 12_000, 9_600])
def test_a_picture_too_large_to_decode_is_refused_by_its_header(make_bomb, side):
    path = make_bomb("bomb.png", side)
    with pytest.raises(BadImage, match=r"bomb.png' has more than 89,478,485 pixels. Scale it down"):
        decode(path)


def test_an_svg_too_large_to_render_is_refused(tmp_path):
    (tmp_path / "a.svg").write_text(SVG + " " * MAX_SVG_BYTES)
    with pytest.raises(BadImage, match=r"a.svg' is an SVG of over 10,000,000 bytes"):
        decode(tmp_path / "a.svg")


@pytest.mark.parametrize("name", ["gone.png", "gone.svg"])
def test_a_missing_picture_is_named(tmp_path, name):
    with pytest.raises(MissingData, match=rf"{name}' does not exist"):
        decode(tmp_path / name)
