"""Rows of pictures under their headings, such as groups of copies or clusters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from diptych.drawing.sheet import INK, MUTED, WASH, Sheet, fitted, wrap

if TYPE_CHECKING:
    from PIL.Image import Image

MARGIN, GAP = 32, 14
SIDE = 132
"""Pixels of the square that a picture is fitted into."""
COLUMNS = 8
"""Pictures in a row; further ones are left out."""
MOST_ROWS = 24
"""Rows in a drawing; further ones are counted."""
INNER = COLUMNS * SIDE + (COLUMNS - 1) * GAP
BODY, SMALL = 15, 12
"""Font sizes in pixels."""
LEADING = 1.4
CREDIT_LINES = 3


class PictureRow(NamedTuple):
    """A heading with some pictures."""

    heading: str
    pictures: "Sequence[Image | None]"
    captions: Sequence[str]


def picture_rows(rows: Sequence[PictureRow], *, more: int = 0, attribution: str = "") -> Sheet:
    """Return a drawing of rows of pictures, with how many `more` rows there are and the attribution at the bottom."""
    head, line = round(LEADING * BODY) + GAP // 2, round(LEADING * SMALL)
    height = head + SIDE + line + GAP
    foot = [f"and {more:,} more"] * (more > 0) + wrap(attribution, size=SMALL, width=INNER, lines=CREDIT_LINES)
    drawn = rows or [PictureRow("nothing to show", (), ())]
    sheet = Sheet(2 * MARGIN + INNER, 2 * MARGIN + height * len(drawn) + line * len(foot))
    for k, row in enumerate(drawn):
        top = MARGIN + k * height
        (heading, *_) = wrap(row.heading, size=BODY, width=INNER, lines=1) or [""]
        sheet.write(heading, MARGIN, top, size=BODY, colour=INK, bold=True)
        tiles = list(zip(row.pictures, row.captions, strict=True))[:COLUMNS]
        for n, (picture, caption) in enumerate(tiles):
            _draw_tile(sheet, picture, caption, MARGIN + n * (SIDE + GAP), top + head)
    for k, text in enumerate(foot):
        sheet.write(text, MARGIN, MARGIN + height * len(drawn) + k * line, size=SMALL, colour=MUTED)
    return sheet


def _draw_tile(sheet: Sheet, picture: "Image | None", caption: str, x: int, y: int) -> None:
    sheet.fill(x, y, SIDE, SIDE, colour=WASH)
    if picture is None:
        sheet.write("no picture", x + SMALL, y + SMALL, size=SMALL, colour=MUTED)
    else:
        small = fitted(picture, SIDE)
        sheet.paste(small, x + (SIDE - small.width) // 2, y + (SIDE - small.height) // 2)
    for line in wrap(caption, size=SMALL, width=SIDE, lines=1):
        sheet.write(line, x, y + SIDE + 2, size=SMALL, colour=MUTED)
