from pathlib import Path

import pytest
from PIL import Image, ImageChops

from diptych.drawing.sheet import ACCENT, Sheet, families, text_width, wrap


def read(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def test_a_sheet_is_white_and_of_the_size_asked_for(tmp_path: Path) -> None:
    Sheet(321, 123).save(tmp_path / "sheet.png")
    image = read(tmp_path / "sheet.png")
    assert image.size == (321, 123)
    assert image.getcolors() == [(321 * 123, (255, 255, 255))]


def test_a_picture_lies_pixel_for_pixel_where_it_was_set(tmp_path: Path) -> None:
    picture = Image.effect_noise((20, 10), 90).convert("RGB")
    sheet = Sheet(100, 80)
    sheet.paste(picture, 30, 50)
    sheet.save(tmp_path / "sheet.png")
    cut = read(tmp_path / "sheet.png").crop((30, 50, 50, 60))
    assert ImageChops.difference(cut, picture).getbbox() is None


def test_a_rectangle_lies_where_it_was_set(tmp_path: Path) -> None:
    sheet = Sheet(60, 40)
    sheet.fill(10, 5, 20, 4, colour=ACCENT)
    sheet.save(tmp_path / "sheet.png")
    white = Image.new("RGB", (60, 40), "white")
    assert ImageChops.difference(read(tmp_path / "sheet.png"), white).getbbox() == (10, 5, 30, 9)


@pytest.mark.parametrize("right", [False, True])
def test_a_line_stays_within_its_height_and_measured_width(tmp_path: Path, right: bool) -> None:
    sheet = Sheet(300, 60)
    sheet.write("Hamburg $5", 150, 20, size=20, right=right)
    sheet.save(tmp_path / "sheet.png")
    white = Image.new("RGB", (300, 60), "white")
    box = ImageChops.difference(read(tmp_path / "sheet.png"), white).getbbox()
    assert box is not None
    width = text_width("Hamburg $5", size=20)
    left = 150 - width if right else 150
    assert box[0] >= left - 2
    assert box[2] <= left + width + 2
    assert box[1] >= 20
    assert box[3] <= 20 + 28


def test_words_are_kept_whole_and_every_line_fits() -> None:
    text = "A woman in a t-shirt chops mushrooms on a wooden board beside the window"
    lines = wrap(text, size=14, width=200, lines=9)
    assert " ".join(lines) == text
    assert all(text_width(line, size=14) <= 200 for line in lines)


def test_what_does_not_fit_ends_in_an_ellipsis_that_fits() -> None:
    lines = wrap("mushrooms " * 40, size=14, width=200, lines=3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert text_width(lines[-1], size=14) <= 200


def test_a_text_without_blanks_is_broken_between_east_asian_signs() -> None:
    assert len(wrap("猫が座っている、とても静かな午後の窓辺", size=14, width=100, lines=5)) > 1


def test_nothing_gives_no_lines() -> None:
    assert wrap(" \n ", size=14, width=100, lines=3) == []


def test_letters_that_no_font_has_are_drawn_without_a_warning(tmp_path: Path) -> None:
    sheet = Sheet(200, 40)
    sheet.write("猫 \U0001f600 עברית", 5, 5, size=14)
    sheet.save(tmp_path / "sheet.png")
    assert families()[0] == "DejaVu Sans"
