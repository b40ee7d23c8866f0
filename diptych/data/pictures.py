"""Pictures: from a file in any format to red, green and blue on white, or a sentence that says why not."""

import io
import warnings
from pathlib import Path

from PIL import ExifTags, Image, ImageOps

from diptych.data.addresses import Picture
from diptych.errors import BadImage, MissingData

SUFFIXES = frozenset([".avif", ".bmp", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"])
"""The suffixes that mark a file as a picture if nothing else does."""

MAX_PIXELS = 89_478_485
"""The most pixels a picture's header may announce before it is decoded: Pillow's own threshold of caution."""

MAX_SVG_BYTES = 10_000_000
"""The largest SVG file that is rendered."""

SVG_SIDE = 1024
"""Pixels along the square that an SVG is drawn into if it is shown by itself."""

_TURNED = (5, 6, 7, 8)
"""EXIF orientations of pictures turned on their side."""

RASTER = {
    "AVIF": ".avif", "BMP": ".bmp", "GIF": ".gif", "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "TIFF": ".tif",
    "WEBP": ".webp",
}  # fmt: skip
"""Formats accepted for pictures from untrusted users, with the suffix that their files get."""

_WHITE = (255, 255, 255)
_DRAFT = 2
"""A JPEG is decoded at no less than this many times the requested side: the loss is then invisible."""


def decode(path: Picture, *, side: int = 224) -> Image.Image:
    """Return the picture upright and opaque, mode RGB.

    `side` is the shorter side that the caller will scale to: an SVG is rendered into a white square of it, a large
    JPEG is decoded at a half, a quarter or an eighth where twice `side` still remains. Other pictures keep
    their size. Of an animation the first frame counts; transparency becomes white.
    """
    if isinstance(path, Path) and not path.is_file():
        raise MissingData(f"picture '{path}' does not exist. Find every such pair: diptych data check.")
    try:
        return _render(path, side) if path.suffix.lower() == ".svg" else _decode(path, side)
    except (BadImage, MissingData):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(path) from error
    except Exception as error:  # Pillow's plug-ins meet broken bytes with exceptions of every kind
        raise BadImage(
            f"picture '{path}' cannot be decoded: {error}. Replace the file, or leave the pair out."
        ) from error


def upright_size(path: Picture) -> tuple[int, int]:
    """Return width and height of the picture as it is looked at, from its header; an SVG is drawn in a square."""
    if path.suffix.lower() == ".svg":
        return SVG_SIDE, SVG_SIDE
    with Image.open(_readable(path)) as image:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) in _TURNED
        return (image.height, image.width) if turned else image.size


def raster_suffix(data: bytes, *, pixels: int) -> str:
    """Return the suffix for a picture that was handed over, by its header; `BadImage` where it may not be taken.

    What says it is an SVG, and every format beside those of `RASTER`, is refused; so are more than so many pixels.
    """
    if not data:
        raise BadImage("the picture is empty. Send the bytes of a picture.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=_openable()) as image:
                size, form = image.size, str(image.format)
    except Image.DecompressionBombError:
        raise BadImage(f"the picture has more than {pixels:,} pixels. Scale it down.") from None
    except Exception as error:  # Pillow's plug-ins meet broken bytes with exceptions of every kind
        kinds = ", ".join(sorted(RASTER.keys() - {"MPO"}))
        raise BadImage(
            f"the picture cannot be read; its format is not one of {kinds}. Send it in one of these formats."
        ) from error
    if size[0] * size[1] > pixels:
        raise BadImage(f"the picture has {size[0]:,} x {size[1]:,} pixels, more than {pixels:,}. Scale it down.")
    return RASTER[form]


def _openable() -> list[str]:
    """Return the formats of `RASTER` that this build of Pillow reads; one of them is a kind of JPEG there."""
    Image.init()
    return [form for form in RASTER if form in Image.OPEN]


def thumbnail(path: Picture, *, side: int) -> bytes:
    """Return a picture as WebP that fits into a square; it is never enlarged."""
    image = decode(path, side=side)
    image.thumbnail((side, side))
    written = io.BytesIO()
    image.save(written, "WEBP", quality=80)
    return written.getvalue()


def _readable(path: Picture) -> Path | io.BytesIO:
    """Return a picture in a form that Pillow opens."""
    return path if isinstance(path, Path) else io.BytesIO(path.read_bytes())


def _decode(path: Picture, side: int) -> Image.Image:
    with Image.open(_readable(path)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(path)
        image.draft(None, (_DRAFT * side, _DRAFT * side))
        return _opaque(ImageOps.exif_transpose(image))


def _render(path: Picture, side: int) -> Image.Image:
    """Return an SVG drawn as large as fits into a white square, in its middle; fonts of the system are not used."""
    from resvg_py import svg_to_bytes

    markup = None if isinstance(path, Path) else path.read_bytes()
    if (path.stat().st_size if isinstance(path, Path) else len(markup or b"")) > MAX_SVG_BYTES:
        raise BadImage(
            f"picture '{path}' is an SVG of over {MAX_SVG_BYTES:,} bytes. Simplify it, or leave the pair out."
        )
    drawn = svg_to_bytes(
        svg_path=str(path) if markup is None else None,
        svg_string=None if markup is None else markup.decode("utf-8-sig"),
        width=side,
        height=side,
        skip_system_fonts=True,
    )
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


def _too_large(path: Picture) -> BadImage:
    return BadImage(f"picture '{path}' has more than {MAX_PIXELS:,} pixels. Scale it down, or leave the pair out.")
