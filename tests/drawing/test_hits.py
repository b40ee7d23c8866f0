from pathlib import Path

import pytest
from PIL import Image

from diptych.drawing.hits import COLUMNS, SIDE, contact_sheet
from diptych.errors import ShapeMismatch


def colours(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (30, 20 + k), (10 * k, 0, 200)) for k in range(count)]


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_hits_stand_in_rows_and_all_of_them_are_there(tmp_path: Path) -> None:
    pictures = colours(COLUMNS + 2)
    captions = [f"number {k}" for k in range(len(pictures))]
    contact_sheet("a query", pictures, captions, [1 / (k + 1) for k in range(len(pictures))], tmp_path / "hits.png")
    with Image.open(tmp_path / "hits.png") as image:
        counts = {colour: count for count, colour in image.convert("RGB").getcolors(1 << 20) or ()}
    for picture in pictures:
        assert counts.get(picture.getpixel((0, 0)), 0) > SIDE * SIDE / 2


def test_a_second_row_and_an_attribution_make_the_sheet_taller(tmp_path: Path) -> None:
    def height(count: int, attribution: str = "") -> int:
        contact_sheet("q", colours(count), ["x"] * count, [0.5] * count, tmp_path / "x.png", attribution=attribution)
        return size_of(tmp_path / "x.png")[1]

    one = height(COLUMNS)
    assert height(1) == one
    assert height(COLUMNS + 1) > one + SIDE
    assert height(1, "Drawn by its authors, CC BY-SA 4.0") > one


@pytest.mark.parametrize("similarities", [[0.9, 0.1], [0.0, 0.0], [-0.2, -0.9], [1.0, -1.0]])
def test_any_similarities_can_be_drawn(tmp_path: Path, similarities: list[float]) -> None:
    query = Image.new("RGB", (400, 30), "green")
    contact_sheet(query, [None, *colours(1)], ["", "猫" * 300], similarities, tmp_path / "hits.png")
    assert size_of(tmp_path / "hits.png")[0] > COLUMNS * SIDE


def test_nothing_found_is_a_sheet_with_the_query_alone(tmp_path: Path) -> None:
    contact_sheet("nothing like it", [], [], [], tmp_path / "hits.png")
    assert size_of(tmp_path / "hits.png")[1] < SIDE


def test_hits_without_a_caption_each_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShapeMismatch, match=r"got 2 pictures, 1 captions and 2 similarities"):
        contact_sheet("q", colours(2), ["one"], [0.5, 0.4], tmp_path / "hits.png")
