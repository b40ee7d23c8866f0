"""Grey of more than eight bits, as the eye expects to see it."""

from typing import Any

import numpy as np
from jaxtyping import Num, UInt8
from PIL import Image

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras and scanners record."""

_ROWS = 256
"""Rows that are computed at once, so that little memory is taken beside the picture."""
_MIDDLE = 128
"""The grey of a picture of one value that has no place between black and white."""

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT, _NO_DATA = 258, 262, 339, 42113
"""Tags of a TIFF; the last is GDAL's, the value of pixels without data."""


def is_deep(image: Image.Image) -> bool:
    """Return whether a picture is grey with more than eight bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of deep grey in mode L.

    Whole numbers from 0 on are taken for the smallest of 8, 10, 12, 14 and 16 bits that holds the largest of them;
    the highest eight bits count. Decimals whose largest is at most 1 run from 0 to 1, and those up to 255 from 0 to
    255. All else, that is larger and negative values, is stretched: the least becomes black, the largest white, and
    a single value grey. What is not a number is black; infinite values are black or white.

    What a file says of itself comes first. PGM states the largest possible value, so that it always has 16 bits here.
    A TIFF may hold unsigned values, count from white to black, and name the value of pixels without data. A value
    that is transparent becomes white.
    """
    tags: Any = getattr(image, "tag_v2", {})
    values = _values(image, tags)
    shown = _shown(values, DEPTHS[-1:] if image.format == "PPM" else DEPTHS)
    if tags.get(_PHOTOMETRIC) == 0:
        shown = 255 - shown
    if isinstance(clear := image.info.get("transparency"), int):
        shown[values == clear] = 255
    return Image.fromarray(shown)


def _values(image: Image.Image, tags: Any) -> Num[np.ndarray, "h w"]:
    """Return the values as the file means them; without data is not a number."""
    values: Num[np.ndarray, "h w"] = np.asarray(image)
    if values.dtype == np.int32 and tags.get(_BITS) in (32, (32,)) and tags.get(_SAMPLE_FORMAT, 1) in (1, (1,)):
        return values.view(np.uint32)
    try:
        none = float(str(tags[_NO_DATA]).strip("\0 "))
    except (KeyError, ValueError):
        return values
    return values if values.dtype.kind == "u" else np.where(values == none, np.nan, values)


def _shown(values: Num[np.ndarray, "h w"], depths: tuple[int, ...]) -> UInt8[np.ndarray, "h w"]:
    finite = values[np.isfinite(values)]
    least, most = (finite.min().item(), finite.max().item()) if finite.size else (0, 0)
    depth = next((depth for depth in depths if most < 2**depth), None)
    if values.dtype.kind in "iu" and least >= 0 and depth:
        shown: UInt8[np.ndarray, "h w"] = (values >> (depth - 8)).astype(np.uint8)
        return shown
    if least >= 0 and most <= 255:
        return _stretched(values, 0.0, 1.0 if most <= 1 else 255.0)
    return _stretched(values, float(least), float(most))


def _stretched(values: Num[np.ndarray, "h w"], black: float, white: float) -> UInt8[np.ndarray, "h w"]:
    shown = np.full(values.shape, _MIDDLE, np.uint8)
    if white > black:
        for first in range(0, len(values), _ROWS):
            share = (values[first : first + _ROWS].astype(np.float64) - black) / (white - black)
            shown[first : first + _ROWS] = np.rint(255 * np.clip(np.nan_to_num(share), 0, 1))
    return shown
