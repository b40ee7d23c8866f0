"""Explanations as one picture: a row for each space, a column for each attribution method."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from diptych.drawing.explanation_wording import (
    ADDS,
    TAKES,
    WAYS,
    ExplanationRecord,
    boxed,
    fusion_line,
    title_of,
    views,
)
from diptych.drawing.heat import colour, heated, ink_on, stops, strongest
from diptych.drawing.sheet import INK, MUTED, RULE, Sheet, fitted, text_width, wrap

if TYPE_CHECKING:
    from PIL.Image import Image

MARGIN, GAP = 32, 20
SIDE = 264
"""Pixels of the square that a picture is fitted into."""
ASIDE = 200
"""Width of the first column: the picture itself, and the names of the spaces."""
HEADING, BODY, SMALL = 22, 14, 12
"""Font sizes in pixels."""
LEADING = 1.6
PADDING = 2
"""Padding in pixels on either side of a shaded word."""
LINES = 6
"""Maximum number of lines of a text or a reason."""
LEGEND_STEP = 5
"""Width in pixels of each colour in the legend."""


class _Shade(NamedTuple):
    """A word at its position within a panel."""

    text: str
    x: int
    line: int
    value: float | None
    """From -1 to 1; None without a score."""


def explanation_sheet(shown: "Sequence[tuple[ExplanationRecord, Image]]") -> Sheet:
    """Return a drawing of explanations, each with its picture at full size, one below the other."""
    columns = [way for way in WAYS if any(way in ways for record, _ in shown for _, _, ways in views(record))]
    inner = ASIDE + len(columns) * (SIDE + GAP)
    heights = [_height(record, picture, inner) for record, picture in shown]
    sheet = Sheet(2 * MARGIN + inner, 2 * MARGIN + sum(heights) + (len(shown) - 1) * 2 * GAP + 3 * GAP)
    top = MARGIN
    for (record, picture), height in zip(shown, heights, strict=True):
        _draw(sheet, record, picture, top, columns)
        top += height + 2 * GAP
    _draw_legend(sheet, sheet.height - MARGIN - SMALL)
    return sheet


def _draw(sheet: Sheet, record: ExplanationRecord, picture: "Image", top: int, columns: Sequence[str]) -> None:
    top = _draw_head(sheet, record, top)
    small = fitted(picture, ASIDE - GAP)
    sheet.paste(small, MARGIN, top + SMALL)
    for k, way in enumerate(columns):
        sheet.write(WAYS[way], _left(k), top - BODY - PADDING, size=BODY, bold=True)
    for n, (name, similarity, ways) in enumerate(views(record)):
        below = small.height + GAP if n == 0 else 0
        sheet.write(name, MARGIN, top + SMALL + below, size=BODY, bold=True)
        sheet.write(f"{similarity:.3f}", MARGIN, top + SMALL + below + 2 * PADDING + BODY, size=HEADING)
        for k, way in enumerate(columns):
            if way in ways:
                boxes = record["image"][boxed(way)] if record["image"] else ()
                _draw_panel(sheet, record, picture, ways[way], _left(k), top + SMALL, boxes)
        top += _row_height(record, picture, ways) + GAP


def _draw_head(sheet: Sheet, record: ExplanationRecord, top: int) -> int:
    """Write the text, the fusion and the credit, and return the top of the rows."""
    inner = sheet.width - 2 * MARGIN
    for line in wrap(title_of(record), size=HEADING, width=inner, lines=2):
        sheet.write(line, MARGIN, top, size=HEADING, bold=True)
        top += round(LEADING * HEADING)
    for note in (fusion_line(record), record["attribution"]):
        for line in wrap(note, size=SMALL, width=inner, lines=2):
            sheet.write(line, MARGIN, top, size=SMALL, colour=MUTED)
            top += round(LEADING * SMALL)
    return top + GAP + BODY


def _head_height(record: ExplanationRecord, inner: int) -> int:
    lines = len(wrap(title_of(record), size=HEADING, width=inner, lines=2))
    notes = [wrap(note, size=SMALL, width=inner, lines=2) for note in (fusion_line(record), record["attribution"])]
    return lines * round(LEADING * HEADING) + sum(map(len, notes)) * round(LEADING * SMALL) + GAP + BODY


def _draw_panel(
    sheet: Sheet,
    record: ExplanationRecord,
    picture: "Image",
    way: Mapping[str, Any],
    x: int,
    y: int,
    places: Sequence[Mapping[str, float]],
) -> None:
    """Draw the heat map over the picture, the shaded words, and the largest magnitude of each."""
    if way["image"]:
        small = fitted(picture, SIDE)
        scale = small.width / record["image"]["width"], small.height / record["image"]["height"]
        boxes = [
            (box["left"] * scale[0], box["top"] * scale[1], box["right"] * scale[0], box["bottom"] * scale[1])
            for box in places
        ]
        sheet.paste(heated(small, boxes, way["image"]), x, y)
        y += small.height + BODY // 2
    shades = _shaded(record, way)
    for shade in shades:
        line, width = y + round(shade.line * LEADING * BODY), round(text_width(shade.text, size=BODY))
        background = None if shade.value is None else colour(shade.value)
        if background:
            sheet.fill(x + shade.x - PADDING, line - 3, width + 2 * PADDING, BODY + 8, colour=background)
        sheet.write(shade.text, x + shade.x, line, size=BODY, colour=ink_on(background) if background else INK)
    y += _lines_height(shades)
    for note in _notes(way):
        sheet.write(note, x, y, size=SMALL, colour=MUTED)
        y += round(LEADING * SMALL)


def _shaded(record: ExplanationRecord, way: Mapping[str, Any]) -> list[_Shade]:
    """Return the words of a panel at their positions, as many as fit."""
    if not way["words"]:
        return []
    top, x, line, blank = strongest(way["words"]), 0, 0, round(text_width(" ", size=BODY)) + PADDING
    shades = []
    for word, value in zip(record["words"], way["words"], strict=True):
        width = round(text_width(word["text"], size=BODY))
        if x and x + width > SIDE:
            x, line = 0, line + 1
        if line == LINES:
            break
        shades.append(_Shade(word["text"], x, line, value / top if top else 0.0))
        x += width + blank + PADDING
    return shades


def _notes(way: Mapping[str, Any]) -> list[str]:
    """Return the lines below a panel: the scale of each side, and the reason for missing scores."""
    scales = [
        f"{name} to {strongest(way[side]):.2g}"
        for side, name in (("image", "regions"), ("words", "words"))
        if way[side]
    ]
    reason = wrap(way.get("reason", ""), size=SMALL, width=SIDE, lines=LINES)
    return [*([" · ".join(scales)] if scales else []), *reason]


def _lines_height(shades: Sequence[_Shade]) -> int:
    return round((shades[-1].line + 1) * LEADING * BODY) + PADDING if shades else 0


def _row_height(record: ExplanationRecord, picture: "Image", ways: Mapping[str, Any]) -> int:
    heights = [
        (fitted(picture, SIDE).height + BODY // 2 if way["image"] else 0)
        + _lines_height(_shaded(record, way))
        + round(len(_notes(way)) * LEADING * SMALL)
        for way in ways.values()
    ]
    return SMALL + max(heights)


def _height(record: ExplanationRecord, picture: "Image", inner: int) -> int:
    rows = [_row_height(record, picture, ways) + GAP for _, _, ways in views(record)]
    rows[0] = max(rows[0], fitted(picture, ASIDE - GAP).height + 2 * HEADING + 3 * GAP)
    return _head_height(record, inner) + sum(rows)


def _draw_legend(sheet: Sheet, y: int) -> None:
    x = MARGIN + round(text_width(TAKES, size=SMALL)) + GAP // 2
    sheet.write(TAKES, MARGIN, y, size=SMALL, colour=MUTED)
    for k, each in enumerate(stops()):
        sheet.fill(x + k * LEGEND_STEP, y, LEGEND_STEP, SMALL, colour=each)
    end = x + len(stops()) * LEGEND_STEP + GAP // 2
    sheet.write(f"{ADDS}; the strongest value in each panel has full colour", end, y, size=SMALL, colour=MUTED)
    sheet.fill(MARGIN, y - GAP, sheet.width - 2 * MARGIN, 1, colour=RULE)


def _left(column: int) -> int:
    return MARGIN + ASIDE + column * (SIDE + GAP)
