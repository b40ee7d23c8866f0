from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diptych.drawing.hits import COLUMNS, SIDE, contact_sheet
from diptych.errors import BadSetting, ShapeMismatch


def colours(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (30, 20 + k), (10 * k, 0, 200)) for k in range(count)]


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_hits_stand_in_rows_and_all_of_them_are_there(tmp_path: Path) -> None:
    pictures = colours(COLUMNS + 2)
    captions = [f"number {k}" for k in range(len(pictures))]
    contact_sheet("a query", pictures, captions, [1 / (k + 1) for k in range(len(pictures))]).save(
        tmp_path / "hits.png"
    )
    with Image.open(tmp_path / "hits.png") as image:
        counts = {colour: count for count, colour in image.convert("RGB").getcolors(1 << 20) or ()}
    for picture in pictures:
        assert counts.get(picture.getpixel((0, 0)), 0) > SIDE * SIDE / 2


def test_a_second_row_and_an_attribution_make_the_sheet_taller(tmp_path: Path) -> None:
    def height(count: int, attribution: str = "") -> int:
        contact_sheet("q", colours(count), ["x"] * count, [0.5] * count, attribution=attribution).save(
            tmp_path / "x.png"
        )
        return size_of(tmp_path / "x.png")[1]

    one = height(COLUMNS)
    assert height(1) == one
    assert height(COLUMNS + 1) > one + SIDE
    assert height(1, "Drawn by its authors, CC BY-SA 4.0") > one


@pytest.mark.parametrize("similarities", [[0.9, 0.1], [0.0, 0.0], [-0.2, -0.9], [1.0, -1.0]])
def test_any_similarities_can_be_drawn(tmp_path: Path, similarities: list[float]) -> None:
    query = Image.new("RGB", (400, 30), "green")
    contact_sheet(query, [None, *colours(1)], ["", "猫" * 300], similarities).save(tmp_path / "hits.png")
    assert size_of(tmp_path / "hits.png")[0] > COLUMNS * SIDE


def test_nothing_found_is_a_sheet_with_the_query_alone(tmp_path: Path) -> None:
    contact_sheet("nothing like it", [], [], []).save(tmp_path / "hits.png")
    assert size_of(tmp_path / "hits.png")[1] < SIDE


def test_hits_without_a_caption_each_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeMismatch, match=r"got 2 pictures, 1 captions and 2 similarities"):
        contact_sheet("q", colours(2), ["one"], [0.5, 0.4]).save(tmp_path / "hits.png")


@pytest.mark.parametrize("size", [(4000, 2), (2, 4000), (65_500, 1), (1, 1)])
def test_a_picture_of_any_shape_is_drawn_as_query_and_as_hit(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, (10, 200, 90))
    contact_sheet(picture, [picture], ["a line"], [0.5]).save(tmp_path / "hits.png")
    with Image.open(tmp_path / "hits.png") as image:
        counts = {colour: count for count, colour in image.convert("RGB").getcolors(1 << 20) or ()}
    assert counts[(10, 200, 90)] >= 2 * SIDE


@pytest.mark.parametrize(
    ("name", "form"), [("o.jpg", "JPEG"), ("o.JPEG", "JPEG"), ("o.webp", "WEBP"), ("o.png", "PNG")]
)
def test_the_suffix_is_the_format(tmp_path: Path, name: str, form: str) -> None:
    contact_sheet("q", colours(2), ["one", "two"], [0.9, 0.1]).save(tmp_path / "reference.png")
    contact_sheet("q", colours(2), ["one", "two"], [0.9, 0.1]).save(tmp_path / name)
    with Image.open(tmp_path / name) as image, Image.open(tmp_path / "reference.png") as reference:
        assert (image.format, image.size) == (form, reference.size)
        shown, wanted = (np.asarray(each.convert("RGB"), dtype=int) for each in (image, reference))
        assert np.abs(shown - wanted).mean() < 2


def test_a_pdf_is_one_page_as_large_as_the_sheet(tmp_path: Path) -> None:
    contact_sheet("q", colours(2), ["one", "two"], [0.9, 0.1]).save(tmp_path / "o.png")
    contact_sheet("q", colours(2), ["one", "two"], [0.9, 0.1]).save(tmp_path / "o.pdf")
    width, height = size_of(tmp_path / "o.png")
    page = (tmp_path / "o.pdf").read_bytes()
    assert page.startswith(b"%PDF-")
    assert f"/MediaBox [ 0 0 {width * 0.72:g} {height * 0.72:g}".encode() in page


@pytest.mark.parametrize(("name", "got"), [("o.gif", "'.gif'"), ("o", "no suffix"), ("o.png.txt", "'.txt'")])
def test_another_suffix_is_refused_and_nothing_is_written(tmp_path: Path, name: str, got: str) -> None:
    with pytest.raises(BadSetting, match=rf"saved as .png, .jpg, .jpeg, .webp or .pdf; got {got} in '.*{name}'"):
        contact_sheet("q", colours(1), ["one"], [0.5]).save(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_sheet_that_a_format_cannot_hold_is_refused_in_a_sentence(tmp_path: Path) -> None:
    count = 66 * COLUMNS
    with pytest.raises(
        BadSetting, match=r"has 1,144 x 1\d,\d+ pixels, and WEBP holds 16,383 along a side; .*Ask for less"
    ):
        contact_sheet("q", [None] * count, [""] * count, [0.5] * count).save(tmp_path / "o.webp")
    assert not list(tmp_path.iterdir())
