"""Rows of pictures under headings."""

import numpy as np
from PIL import Image

from diptych.drawing.picture_rows import COLUMNS, MARGIN, SIDE, PictureRow, picture_rows


def test_rows_are_drawn_below_one_another_with_what_does_not_fit_counted() -> None:
    red, blue = (Image.new("RGB", (50, 50), colour) for colour in ("red", "blue"))
    rows = [PictureRow("one", [red, None], ["a", "b $x$"]), PictureRow("two", [blue] * 20, ["c"] * 20)]
    sheet = picture_rows(rows, more=3, attribution="by us")
    figure = sheet.figure
    assert len(figure.images) == 1 + COLUMNS
    assert [int(image.get_array()[0, 0].argmax()) for image in figure.images] == [0] + [2] * COLUMNS
    assert figure.images[0].get_extent()[0] + 0.5 == MARGIN
    words = [text.get_text() for text in figure.texts]
    assert words[:3] == ["one", "a", "no picture"]
    assert words[-2:] == ["and 3 more", "by us"]
    assert np.asarray(figure.images[0].get_array()).shape[:2] == (SIDE, SIDE)
    assert sheet.height > picture_rows(rows[:1]).height


def test_nothing_is_said_to_be_nothing() -> None:
    assert [text.get_text() for text in picture_rows([]).figure.texts] == ["nothing to show"]
