"""What an SVG must keep to before it is rendered.

Only its structure is checked here. Rendering happens in a process that can open no file and that ends when a drawing
takes too much (`diptych.data.svg_rendering`): what an SVG refers to outside itself is left out of the drawing, as in a
browser that shows an SVG as a picture, and what bursts the bounds by other means is refused there.
"""

import re
import zlib
from xml.parsers import expat

from diptych.errors import BadImage

MAX_SVG_BYTES = 10_000_000
"""The largest SVG that is rendered, after decompression."""

MAX_DEPTH = 100
"""The most elements that lie in one another."""

MAX_ELEMENTS = 250_000

_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31
"""What tells `zlib` to expect gzip."""
_DECLARATION = re.compile(r"\s*(<\?xml\s[^>]*\?>)?")
"""The beginning of an SVG, which may name an encoding or a version that its content does not have."""
_NOT_PLAIN = re.compile("[<&%]")


def checked_svg(content: bytes, *, named: str) -> str:
    """Return the markup of an SVG, which may be compressed; `BadImage` if it exceeds a bound.

    Entities may stand for plain text, as in what Adobe Illustrator writes, but for nothing else. What is no XML or
    no UTF-8 raises the errors of their parsers.
    """
    if content.startswith(_GZIP):
        content = zlib.decompressobj(_GZIP_WINDOW).decompress(content, MAX_SVG_BYTES + 1)
    if len(content) > MAX_SVG_BYTES:
        raise too_long(named)
    markup = content.decode("utf-8-sig")
    parser = expat.ParserCreate("utf-8", " ")
    structure = _Structure(named)
    parser.StartElementHandler = structure.begin
    parser.EndElementHandler = structure.end
    parser.EntityDeclHandler = structure.declare
    parser.Parse(_DECLARATION.sub("", markup, count=1).encode(), True)
    return markup


def too_long(named: str) -> BadImage:
    """Return the error for an SVG that is too long."""
    return BadImage(f"{named} is an SVG of over {MAX_SVG_BYTES:,} bytes. Simplify it, or leave the pair out.")


class _Structure:
    """Counts elements as they begin and end, and raises `BadImage` where a bound is exceeded."""

    def __init__(self, named: str) -> None:
        self.named = named
        self.depth = self.elements = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.elements += 1
        if self.depth > MAX_DEPTH:
            raise BadImage(f"{self.named} is an SVG with elements more than {MAX_DEPTH} deep. Flatten its groups.")
        if self.elements > MAX_ELEMENTS:
            raise BadImage(f"{self.named} is an SVG of more than {MAX_ELEMENTS:,} elements. Simplify it.")

    def end(self, name: str) -> None:
        self.depth -= 1

    def declare(self, name: str, is_parameter: int, value: str | None, *source: str | None) -> None:
        if is_parameter or value is None or _NOT_PLAIN.search(value):
            raise BadImage(
                f"{self.named} is an SVG that declares the entity {name[:40]!r} as more than plain text. "
                "Save it as a plain SVG."
            )
