"""HTML and SVG elements; text is escaped unless it is already markup."""

import io
import json
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

VOID = {"meta", "br"}
"""HTML elements without a closing tag."""


class Markup(str):
    """Text that is already markup and is not escaped."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | float | int | None) -> Markup:
    """Return an element; attributes and children are escaped, except children that are markup.

    `stroke_width` becomes `stroke-width`, `class_` becomes `class`; attributes that are None are omitted.

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
    """Concatenate parts, escaping those that are not markup.

    >>> joined(["a & b", tag("br")])
    'a &amp; b<br>'
    """
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def data_uri(picture: "Image", *, quality: int) -> str:
    """Return a picture as a URI that holds it, a JPEG of this quality."""
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{b64encode(written.getvalue()).decode('ascii')}"


def json_in_script(value: object) -> Markup:
    r"""Return JSON that is safe in a script element.

    >>> json_in_script({"text": "</script>"})
    '{"text": "\\u003c/script>"}'
    """
    return Markup(json.dumps(value, ensure_ascii=False).replace("<", "\\u003c"))


def _spelt(value: str | float | int) -> str:
    return value if isinstance(value, str) else f"{round(value, 2):g}"
