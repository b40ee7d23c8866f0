import numpy as np
import pytest
from PIL import Image

from diptych.data.pictures import MAX_SVG_BYTES, SVG_SIDE, decode, upright_size
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


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(MissingData, match=r"gone.png' does not exist"):
        decode(tmp_path / "gone.png")
