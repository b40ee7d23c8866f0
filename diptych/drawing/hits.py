"""A contact sheet: the query on top, its hits below."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from diptych.drawing.sheet import ACCENT, INK, MUTED, RULE, WASH, Sheet, fitted, wrap
from diptych.errors import ShapeMismatch

if TYPE_CHECKING:
    from PIL.Image import Image

MARGIN = 32
GAP = 20
SIDE = 200
"""Pixels of the square that a picture is fitted into."""
COLUMNS = 5
INNER = COLUMNS * SIDE + (COLUMNS - 1) * GAP
BAR = 4
"""Height of the bar that shows a similarity relative to the best."""
HEADING, BODY, SMALL = 26, 14, 12
"""Font sizes in pixels."""
LEADING = 1.4
"""Line spacing, as a multiple of the font size."""
CAPTION_LINES = 3
CREDIT_LINES = 3
QUERY_LINES = 2


class _Tile(NamedTuple):
    picture: "Image | None"
    caption: list[str]
    rank: int
    similarity: float
    share: float
    """The similarity relative to the best, clipped to [0, 1]."""


def contact_sheet(
    query: "str | Image",
    pictures: "Sequence[Image | None]",
    captions: Sequence[str],
    similarities: Sequence[float],
    *,
    attribution: str = "",
) -> Sheet:
    """Return a drawing of the query and its hits, best first, with the attribution at the bottom.

    Captions are truncated after three lines.
    """
    if not len(pictures) == len(captions) == len(similarities):
        raise ShapeMismatch(
            f"every hit needs a picture (or None), a caption and a similarity; got {len(pictures)} pictures, "
            f"{len(captions)} captions and {len(similarities)} similarities."
        )
    tiles = _tiles(pictures, captions, similarities)
    rows = [tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)]
    credit = wrap(attribution, size=SMALL, width=INNER, lines=CREDIT_LINES)
    words = wrap(f"“{query}”", size=HEADING, width=INNER, lines=QUERY_LINES) if isinstance(query, str) else []
    head = GAP // 2 + 2 * SMALL + (_height(words, HEADING) if isinstance(query, str) else SIDE)
    foot = GAP + _height(credit, SMALL) if credit else 0
    sheet = Sheet(2 * MARGIN + INNER, 2 * MARGIN + head + sum(GAP + _row_height(row) for row in rows) + foot)
    _draw_query(sheet, query, words)
    top = MARGIN + head
    for row in rows:
        for k, tile in enumerate(row):
            _draw_tile(sheet, tile, MARGIN + k * (SIDE + GAP), top + GAP)
        top += GAP + _row_height(row)
    if credit:
        _draw_lines(sheet, credit, MARGIN, top + GAP, size=SMALL, colour=MUTED)
    return sheet


def _tiles(pictures: "Sequence[Image | None]", captions: Sequence[str], similarities: Sequence[float]) -> list[_Tile]:
    best = max(similarities, default=0.0)
    shares = [min(1.0, max(0.0, similarity / best)) if best > 0 else 0.0 for similarity in similarities]
    lines = [wrap(caption, size=BODY, width=SIDE, lines=CAPTION_LINES) for caption in captions]
    rows = zip(pictures, lines, similarities, shares, strict=True)
    return [_Tile(picture, line, rank, *figures) for rank, (picture, line, *figures) in enumerate(rows, start=1)]


def _draw_query(sheet: Sheet, query: "str | Image", words: Sequence[str]) -> None:
    sheet.write("QUERY", MARGIN, MARGIN, size=SMALL, colour=MUTED)
    if isinstance(query, str):
        _draw_lines(sheet, words, MARGIN, MARGIN + 2 * SMALL, size=HEADING)
    else:
        _draw_picture(sheet, query, MARGIN, MARGIN + 2 * SMALL)


def _draw_tile(sheet: Sheet, tile: _Tile, x: int, y: int) -> None:
    """Draw a picture, a bar, the rank and the similarity, and the caption, one below the other."""
    if tile.picture is None:
        sheet.fill(x, y, SIDE, SIDE, colour=WASH)
        sheet.write("no picture", x + BODY, y + BODY, size=BODY, colour=MUTED)
    else:
        _draw_picture(sheet, tile.picture, x, y)
    y += SIDE
    sheet.fill(x, y, SIDE, BAR, colour=RULE)
    sheet.fill(x, y, round(SIDE * tile.share), BAR, colour=ACCENT)
    y += BAR + BODY // 2
    sheet.write(str(tile.rank), x, y, size=BODY, bold=True)
    sheet.write(f"{tile.similarity:.3f}", x + SIDE, y, size=BODY, colour=MUTED, right=True)
    _draw_lines(sheet, tile.caption, x, y + round(LEADING * BODY), size=BODY)


def _draw_picture(sheet: Sheet, picture: "Image", x: int, y: int) -> None:
    """Draw a picture centred in its square, as large as fits."""
    sheet.fill(x, y, SIDE, SIDE, colour=WASH)
    small = fitted(picture, SIDE)
    sheet.paste(small, x + (SIDE - small.width) // 2, y + (SIDE - small.height) // 2)


def _draw_lines(sheet: Sheet, lines: Sequence[str], x: int, y: int, *, size: int, colour: str = INK) -> None:
    for k, line in enumerate(lines):
        sheet.write(line, x, y + round(k * LEADING * size), size=size, colour=colour)


def _height(lines: Sequence[str], size: int) -> int:
    return round(len(lines) * LEADING * size)


def _row_height(row: Sequence[_Tile]) -> int:
    longest = max((tile.caption for tile in row), key=len)
    return SIDE + BAR + BODY // 2 + round(LEADING * BODY) + _height(longest, BODY)
