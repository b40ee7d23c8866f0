"""Pictures: from a file in any format to red, green and blue on white, or a sentence that says why not."""

import io
from pathlib import Path

from PIL import Image, ImageOps

from diptych.errors import BadImage, MissingData

MAX_PIXELS = 89_478_485
"""The most pixels a picture's header may announce before it is decoded: Pillow's own threshold of caution."""

MAX_SVG_BYTES = 10_000_000
"""The largest SVG file that is rendered."""

_WHITE = (255, 255, 255)
_DRAFT = 2
"""A JPEG is decoded at no less than this many times the side asked for: what is lost by then cannot be seen."""


def decode(path: Path, *, side: int = 224) -> Image.Image:
    """Return the picture upright and opaque, mode RGB.

    `side` is the shorter side that the caller will scale to: an SVG is rendered into a white square of it, a large
    JPEG is decoded at a half, a quarter or an eighth where twice `side` still remains. Other pictures keep
    their size. Of an animation the first frame counts; transparency becomes white.
    """
    if not path.is_file():
        raise MissingData(f"picture '{path}' does not exist. Find every such pair: diptych data check.")
    try:
        return _render(path, side) if path.suffix.lower() == ".svg" else _decode(path, side)
    except BadImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path) from error
    except Exception as error:  # Pillow's plug-ins meet broken bytes with exceptions of every kind
        raise BadImage(
            f"picture '{path}' cannot be decoded: {error}. Replace the file, or leave the pair out."
        ) from error


def _decode(path: Path, side: int) -> Image.Image:
    with Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path)
        image.draft(None, (_DRAFT * side, _DRAFT * side))
        return _opaque(ImageOps.exif_transpose(image))


def _render(path: Path, side: int) -> Image.Image:
    """Return an SVG drawn as large as fits into a white square, in its middle; fonts of the system are not used."""
    from resvg_py import svg_to_bytes

    if path.stat().st_size > MAX_SVG_BYTES:
        raise BadImage(
            f"picture '{path}' is an SVG of over {MAX_SVG_BYTES:,} bytes. Simplify it, or leave the pair out."
        )
    drawn = svg_to_bytes(svg_path=str(path), width=side, height=side, skip_system_fonts=True)
    with Image.open(io.BytesIO(drawn)) as image:
        return ImageOps.pad(_opaque(image), (side, side), color=_WHITE)


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        image = image.point(lambda value: value / 256, "L")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    canvas = Image.new("RGB", layer.size, _WHITE)
    canvas.paste(layer, mask=layer.getchannel("A"))
    return canvas


def _too_large(path: Path) -> BadImage:
    return BadImage(f"picture '{path}' has more than {MAX_PIXELS:,} pixels. Scale it down, or leave the pair out.")
