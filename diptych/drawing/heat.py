"""A diverging colour map for positive and negative values, perceptually uniform and safe for colour blindness.

Both arms of the map are straight lines in Oklab, from the same near-white to ends of the same lightness and chroma, one
orange and one blue: equal steps in value are perceptually equal, and +v is as strong as -v.

Paper: Ottosson, A perceptual color space for image processing, 2020.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import cos, radians, sin
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from diptych.drawing.sheet import PAPER

if TYPE_CHECKING:
    from PIL.Image import Image

LIGHT, DARK, CHROMA = 0.97, 0.5, 0.13
"""Lightness of zero and of the ends, and chroma of the ends."""
ADDS, TAKES = 50, 255
"""Hues of the ends in degrees: orange and blue."""
OPACITY = 0.66
"""Opacity of the colours over a picture."""
BLACK = "#000000"
STOPS = 33
"""Number of colours in a legend."""

Corners = tuple[float, float, float, float]
"""Left, top, right and bottom in pixels."""


def colour(value: float) -> str:
    """Return the colour of a value from -1 to 1; values outside are clipped.

    >>> colour(0.0), colour(1.0), colour(-1.0)
    ('#f5f5f5', '#9b4805', '#2863ab')
    """
    share, hue = min(abs(value), 1.0), radians(ADDS if value > 0 else TAKES)
    lightness = LIGHT + share * (DARK - LIGHT)
    return _spelt(_from_oklab(lightness, share * CHROMA * cos(hue), share * CHROMA * sin(hue)))


def stops() -> list[str]:
    """Return the colours from -1 to 1 in even steps."""
    return [colour(value) for value in np.linspace(-1, 1, STOPS).tolist()]


def ink_on(background: str) -> str:
    """Return the text colour, black or white, with the higher contrast to a background."""
    return max((BLACK, PAPER), key=lambda ink: contrast(ink, background))


def contrast(first: str, second: str) -> float:
    """Return the WCAG 2 contrast ratio of two colours, from 1 to 21."""
    darker, lighter = sorted(_luminance(each) for each in (first, second))
    return (lighter + 0.05) / (darker + 0.05)


def strongest(values: Sequence[float]) -> float:
    """Return the largest absolute value; 0 for none."""
    return max((abs(value) for value in values), default=0.0)


def heated(picture: "Image", boxes: Sequence[Corners], values: Sequence[float]) -> "Image":
    """Return a grey picture with each box tinted by its value relative to the strongest.

    The boxes are in pixels of the picture; without boxes it is only converted to grey.
    """
    from PIL import Image, ImageDraw

    grey = picture.convert("L").convert("RGB")
    if not boxes:
        return grey
    layer, top = Image.new("RGB", picture.size, colour(0.0)), strongest(values)
    draw = ImageDraw.Draw(layer)
    for (left, upper, right, lower), value in zip(boxes, values, strict=True):
        edges = round(left), round(upper), max(round(left), round(right) - 1), max(round(upper), round(lower) - 1)
        draw.rectangle(edges, fill=colour(value / top if top else 0.0))
    return Image.blend(grey, layer, OPACITY)


def _from_oklab(lightness: float, a: float, b: float) -> Float[np.ndarray, "3"]:
    """Return red, green and blue from 0 to 1, clipped to the sRGB gamut."""
    cones = np.array(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ]
    )
    to_linear = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(to_linear @ cones**3, 0, 1)
    channels: Float[np.ndarray, "3"] = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )
    return channels


def _luminance(spelt: str) -> float:
    channels = [int(spelt[start:stop], 16) / 255 for start, stop in pairwise((1, 3, 5, 7))]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _spelt(channels: Float[np.ndarray, "3"]) -> str:
    return "#" + "".join(f"{round(each * 255):02x}" for each in channels.tolist())
