"""A canvas in pixels from the top left, with text that is measured before it is drawn."""

import io
import unicodedata
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych.errors import BadSetting
from diptych.extras import require
from diptych.files import DRAWN, check_drawn, written_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

INK = "#1b1f24"
MUTED = "#646c76"
RULE = "#d5dae0"
PAPER = "#ffffff"
WASH = "#f4f6f8"
ACCENT = "#0072b2"
PALETTE = (ACCENT, "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""A palette that is safe for colour blindness (Okabe and Ito)."""

DOTS_PER_INCH = 100
POINTS_PER_INCH = 72
QUALITY = 90
"""Quality of drawings that are saved as JPEG, from 1 to 95."""
LONGEST = {"png": 65_535, "jpeg": 65_500, "webp": 16_383}
"""The most pixels along a side of a drawing in each format; PDF has no such limit."""
FAMILIES = (
    "DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans", "Noto Sans Arabic", "Noto Sans Devanagari",
    "WenQuanYi Zen Hei", "Hiragino Sans", "PingFang SC", "Microsoft YaHei", "Arial Unicode MS",
)  # fmt: skip
"""Fonts for many scripts; the installed ones are used in this order."""


def matplotlib(module: str) -> Any:
    """Return a module of Matplotlib; `MissingExtra` if it is not installed."""
    return require(f"matplotlib.{module}", extra="plot", wanted_by="drawings", package="matplotlib")


@cache
def families() -> tuple[str, ...]:
    """Return the installed fonts among `FAMILIES`; the first is always available."""
    installed = set(matplotlib("font_manager").get_font_names())
    return tuple(name for name in FAMILIES if name in installed)


class Sheet:
    """A white sheet with a size in pixels."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        size = (width / DOTS_PER_INCH, height / DOTS_PER_INCH)
        self._figure: Figure = matplotlib("figure").Figure(figsize=size, dpi=DOTS_PER_INCH, facecolor=PAPER)

    def write(
        self, text: str, x: int, y: int, *, size: int, colour: str = INK, bold: bool = False, right: bool = False
    ) -> None:
        """Draw a line of text with its top left (or top right) corner at a position; `size` is in pixels."""
        from matplotlib.transforms import IdentityTransform

        self._figure.text(
            x,
            self.height - y - size,
            text,
            transform=IdentityTransform(),
            fontsize=size * POINTS_PER_INCH / DOTS_PER_INCH,
            family=list(families()),
            weight="bold" if bold else "normal",
            color=colour,
            ha="right" if right else "left",
            va="baseline",
            parse_math=False,
        )

    def paste(self, picture: "Image", x: int, y: int) -> None:
        """Draw a picture, unscaled, with its top left corner at a position."""
        import numpy as np

        self._figure.figimage(
            np.asarray(picture.convert("RGB")), xo=x, yo=self.height - y - picture.height, origin="upper"
        )

    def fill(self, x: int, y: int, width: int, height: int, *, colour: str) -> None:
        """Fill a rectangle, below everything else."""
        from matplotlib.patches import Rectangle

        place = (x, self.height - y - height)
        self._figure.add_artist(
            Rectangle(place, width, height, transform=None, facecolor=colour, linewidth=0, zorder=-1)
        )

    @property
    def figure(self) -> "Figure":
        """The sheet as a figure of Matplotlib."""
        return self._figure

    def save(self, path: Path) -> None:
        """Write the sheet in the format that the file's suffix names, one of `DRAWN`."""
        if DRAWN.get(path.suffix.lower()) != "pdf":
            save_figure(self._figure, path)
            return
        from PIL import Image

        written = io.BytesIO()  # a figure of pixels has no other size in which a PDF could show it
        _draw_figure(self._figure, written, "png", path)
        with written_atomically(path) as temporary, Image.open(written) as image:
            image.convert("RGB").save(temporary, "PDF", resolution=DOTS_PER_INCH, quality=QUALITY)


def save_figure(figure: "Figure", path: Path) -> None:
    """Write a figure atomically in the format that the file's suffix names, one of `DRAWN`.

    Characters that no installed font has become boxes. `BadSetting` for another suffix, or if the figure is too large.
    """
    check_drawn(path)
    with written_atomically(path) as temporary:
        _draw_figure(figure, temporary, DRAWN[path.suffix.lower()], path)


def _draw_figure(figure: "Figure", target: Path | io.BytesIO, form: str, path: Path) -> None:
    width, height = (round(DOTS_PER_INCH * inches) for inches in figure.get_size_inches())
    longest = LONGEST.get(form)
    if longest and max(width, height) > longest:
        raise BadSetting(
            f"the drawing has {width:,} x {height:,} pixels, and {form.upper()} holds {longest:,} along a side; "
            f"it cannot be saved as '{path}'. Ask for less."
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        options: dict[str, Any] = {"pil_kwargs": {"quality": QUALITY}} if form == "jpeg" else {}
        figure.savefig(target, format=form, dpi=DOTS_PER_INCH, **options)


def fitted(picture: "Image", side: int) -> "Image":
    """Return a picture scaled as large as fits into a square, at least one pixel wide and high."""
    width, height = picture.size
    across = width >= height
    short = max(1, round((height / width if across else width / height) * side))
    return picture.resize((side, short) if across else (short, side))


def wrap(text: str, *, size: int, width: int, lines: int) -> list[str]:
    """Wrap a text to at most `lines` lines of at most `width` pixels; truncated text ends in an ellipsis."""
    words = _pieces(" ".join(text.split()))
    rows: list[str] = []
    while words and len(rows) < lines:
        count = _fitting(words, size=size, width=width)
        rows.append("".join(words[:count]).strip())
        words = words[count:]
    if words and rows:
        rows[-1] = _cut(rows[-1], size=size, width=width)
    return rows


def text_width(text: str, *, size: int) -> float:
    """Return the width of a line in pixels at a font size."""
    font = _font()
    font.set_size(size * POINTS_PER_INCH / DOTS_PER_INCH, DOTS_PER_INCH)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        font.set_text(text, 0.0)
    width: float = font.get_width_height()[0] / 64
    return width


@cache
def _font() -> Any:
    from matplotlib import font_manager

    paths = [font_manager.findfont(family, fallback_to_default=False) for family in families()]
    return font_manager.get_font(paths)


def _pieces(text: str) -> list[str]:
    """Split a text where lines may break: after spaces, and between characters of East Asian scripts."""
    pieces: list[str] = []
    for sign in text:
        wide = unicodedata.east_asian_width(sign) in "WF"
        if wide or not pieces or pieces[-1].endswith(" ") or unicodedata.east_asian_width(pieces[-1][-1]) in "WF":
            pieces.append(sign)
        else:
            pieces[-1] += sign
    return pieces


def _fitting(words: Sequence[str], *, size: int, width: int) -> int:
    """Return how many words fit into a line, at least one."""
    count = 1
    while count < len(words) and text_width("".join(words[: count + 1]).strip(), size=size) <= width:
        count += 1
    return count


def _cut(line: str, *, size: int, width: int) -> str:
    """Return the line with an ellipsis at its end, shortened until it fits."""
    while line and text_width(f"{line}…", size=size) > width:
        line = line[:-1].rstrip()
    return f"{line}…"
