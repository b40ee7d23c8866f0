"""Pictures: from a file in any format to red, green and blue on white, or a sentence that says why not."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from diptych.data.addresses import Picture
from diptych.data.apart import decode_apart, decoding_apart
from diptych.data.deep_grey import eight_bits, is_deep
from diptych.data.jpeg_xl import jpeg_xl_size
from diptych.data.picture_bounds import MAX_PIXELS, check_bounds, check_sides
from diptych.data.picture_plug_ins import PLUG_INS, missing_plug_in, register_plug_ins
from diptych.data.picture_suffixes import SUFFIXES
from diptych.data.svg_checking import MAX_SVG_BYTES, checked_svg, too_long
from diptych.errors import BadImage, DiptychError, MissingData

__all__ = [
    "MAX_PIXELS", "MAX_SVG_BYTES", "PLUG_INS", "RASTER", "SUFFIXES", "SVG_SIDE", "decode", "raster_suffix",
    "thumbnail", "upright_size",
]  # fmt: skip

SVG_SIDE = 1024
"""Pixels along the square that an SVG is drawn into if it is shown by itself."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""What turns a picture upright, by its EXIF orientation."""
_SIDEWAYS = (5, 6, 7, 8)
"""EXIF orientations of pictures turned on their side."""
_METADATA = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
"""What may hold an orientation, which is wrong once a picture is upright."""

RASTER = {
    "AVIF": ".avif", "BMP": ".bmp", "GIF": ".gif", "JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "TIFF": ".tif",
    "WEBP": ".webp",
}  # fmt: skip
"""Formats accepted for pictures from untrusted users, with the suffix that their files get."""

_Stream = io.BufferedReader | io.BytesIO
_WHITE = (255, 255, 255)
_DRAFT = 2
"""A JPEG is decoded at no less than this many times the requested side: the loss is then invisible."""


def decode(path: Picture, *, side: int = 224) -> Image.Image:
    """Return the picture upright and opaque, mode RGB.

    `side` is the shorter side that the caller will scale to: an SVG is rendered into a white square of it, a large
    JPEG is decoded at a half, a quarter or an eighth where twice `side` still remains. Other pictures keep
    their size. Of an animation the first frame counts; transparency becomes white.
    """
    try:
        if path.suffix.lower() == ".svg":
            return _render(path, side)
        return _decode_apart(path, side) if decoding_apart else _decode(path, side)
    except DiptychError:
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
    with _opened(path) as image:
        swapped = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation) in _SIDEWAYS  # by Pillow, for a TIFF
        return image.size[::-1] if swapped != (_orientation(image) in _SIDEWAYS) else image.size


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
                check_bounds(image, named="the picture", remedy="Scale it down.")
                size, form = image.size, str(image.format)
    except BadImage:
        raise
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


@contextmanager
def _opened(path: Picture) -> Iterator[ImageFile]:
    """Open a picture whose header keeps all bounds."""
    named, remedy = f"picture '{path}'", "Scale it down, or leave the pair out."
    with _stream(path) as stream:
        if announced := jpeg_xl_size(stream):
            _check_pixels(announced, path)
            check_sides(announced, named=named, remedy=remedy)
        with _identified(stream, path) as image:
            _check_pixels(image.size, path)
            check_bounds(image, named=named, remedy=remedy)
            yield image


def _check_pixels(size: tuple[int, int], path: Picture) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise _too_large(path)


def _stream(path: Picture) -> _Stream:
    """Return a picture's bytes as a stream: Pillow maps files that it opens itself, and mixes up turned ones then."""
    return _existing(path).open("rb") if isinstance(path, Path) else io.BytesIO(path.read_bytes())


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise MissingData(f"picture '{path}' does not exist. Find every such pair: diptych data check.")
    return path


def _identified(stream: _Stream, path: Picture) -> ImageFile:
    """Return a picture whose header is read, by a plug-in if Pillow alone does not know its format."""
    try:
        return Image.open(stream)
    except UnidentifiedImageError:
        if register_plug_ins():
            with suppress(UnidentifiedImageError):
                return Image.open(stream)
    package = missing_plug_in(path.suffix)
    why = (
        f"without the package {package}. Install it: pip install {package}"
        if package
        else ("because its format is not known. Replace the file, or leave the pair out")
    )
    raise BadImage(f"picture '{path}' cannot be decoded {why}.")


def _decode_apart(path: Picture, side: int) -> Image.Image:
    """Return what `_decode` does, from another process, whose refusals are whole sentences."""
    if isinstance(path, Path):
        _existing(path)
    try:
        return decode_apart(path, path.read_bytes(), side)
    except ValueError as refusal:
        raise BadImage(str(refusal)) from None


def _decode(path: Picture, side: int) -> Image.Image:
    with _opened(path) as image:
        image.draft(None, (_DRAFT * side, _DRAFT * side))
        image.load()  # which turns a TIFF
        turn = _TURNS.get(_orientation(image))
        picture = _opaque(image)
    for name in _METADATA:
        picture.info.pop(name, None)
    return picture if turn is None else picture.transpose(turn)


def _orientation(image: Any) -> int:
    """Return the EXIF orientation of an opened picture, from 1 to 8; 1 if it has none, or none that can be read.

    Pixels of JPEG XL are upright, whatever its EXIF says, unless they are those of a JPEG.
    """
    if image.format == "JXL" and not image.jpeg:
        return 1
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # broken EXIF brings exceptions of every kind
        return 1
    value = value[0] if isinstance(value, tuple | bytes) and value else value
    return int(value) if value in _TURNS else 1


def _render(path: Picture, side: int) -> Image.Image:
    """Return an SVG drawn as large as fits into a white square, in its middle; fonts of the system are not used."""
    from diptych.data.svg_rendering import render_svg

    named = f"picture '{path}'"
    if isinstance(path, Path) and _existing(path).stat().st_size > MAX_SVG_BYTES:
        raise too_long(named)
    drawn = render_svg(checked_svg(path.read_bytes(), named=named), side, named=named)
    with Image.open(io.BytesIO(drawn), formats=["PNG"]) as image:
        return ImageOps.pad(_opaque(image), (side, side), color=_WHITE)


def _opaque(image: Image.Image) -> Image.Image:
    if is_deep(image):
        return eight_bits(image).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    canvas = Image.new("RGB", layer.size, _WHITE)
    canvas.paste(layer, mask=layer.getchannel("A"))
    return canvas


def _too_large(path: Picture) -> BadImage:
    return BadImage(f"picture '{path}' has more than {MAX_PIXELS:,} pixels. Scale it down, or leave the pair out.")
