"""Elements of pages and drawings: text is escaped unless it is markup already."""

from collections.abc import Iterable
from html import escape

VOID = {"meta", "br"}
"""Elements of HTML that are never closed."""


class Markup(str):
    """Text that is markup already, and stays as it is."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | float | int | None) -> Markup:
    """Return an element; every child that is not markup is escaped, and so is every attribute.

    `stroke_width` becomes `stroke-width`, `class_` becomes `class`; an attribute that is None is left out.

    >>> tag("p", "a < b, ", tag("b", "c"), class_="wide", x=1.25)
    '<p class="wide" x="1.25">a &lt; b, <b>c</b></p>'
    """
    text = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_spelt(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{text}>" if name in VOID else f"<{name}{text}>{joined(children)}</{name}>")


def joined(parts: Iterable[str]) -> Markup:
    """Return parts one after the other, those escaped that are not markup.

    >>> joined(["a & b", tag("br")])
    'a &amp; b<br>'
    """
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def _spelt(value: str | float | int) -> str:
    return value if isinstance(value, str) else f"{round(value, 2):g}"
