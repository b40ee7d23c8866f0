"""Locations of parts in the original picture or text: boxes in pixels, spans of characters."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod

import numpy as np
from jaxtyping import Float, Int

from diptych.errors import BadSetting, ShapeMismatch

TextSpan = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """A region of a picture, in pixels from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float


def grid_boxes(
    width: int, height: int, *, count: int, visible: tuple[float, float, float, float] | None = None
) -> tuple[Box, ...]:
    """Return the boxes of a square grid of `count` regions over a picture, row by row from the top left.

    Image networks squeeze the whole picture into a square, so every cell is the same share of its width and height, or
    they see a part of it: `visible`, by its left, top, right and bottom.

    >>> grid_boxes(40, 20, count=4)[1]
    Box(left=20.0, top=0.0, right=40.0, bottom=10.0)
    """
    if width < 1 or height < 1:
        raise BadSetting(f"a picture must be at least 1 pixel wide and high; got {width} x {height}.")
    side = isqrt(count)
    if side * side != count or not count:
        raise ShapeMismatch(f"regions must form a square grid to have boxes in the picture; got {count} regions.")
    left, top, right, bottom = visible or (0, 0, width, height)
    x, y = np.linspace(left, right, side + 1).tolist(), np.linspace(top, bottom, side + 1).tolist()
    return tuple(Box(x[column], y[row], x[column + 1], y[row + 1]) for row in range(side) for column in range(side))


def words_of_pieces(text: str, pieces: Sequence[TextSpan]) -> tuple[tuple[TextSpan, ...], Int[np.ndarray, " p"]]:
    """Return the spans of the words that word pieces form, and the word index of each piece.

    Adjacent pieces without white space between them form one word if the characters on both sides of the boundary
    are letters or digits; punctuation is a word of its own.

    >>> spans, owner = words_of_pieces("untie it", [(0, 2), (2, 5), (6, 8)])
    >>> spans, owner.tolist()
    (((0, 5), (6, 8)), [0, 0, 1])
    """
    spans: list[TextSpan] = []
    owner: list[int] = []
    for start, stop in pieces:
        if spans and 0 < start == spans[-1][1] and text[start - 1 : start + 1].isalnum():
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
        owner.append(len(spans) - 1)
    return tuple(spans), np.array(owner, dtype=np.int64)


def sums_over_words(values: Float[np.ndarray, " p"], owner: Int[np.ndarray, " p"]) -> Float[np.ndarray, " w"]:
    """Return the sum over the pieces of each word."""
    sums: Float[np.ndarray, " w"] = np.bincount(owner, weights=values).astype(values.dtype)
    return sums


def over_parts(weights: Float[np.ndarray, " f"], pools: Sequence[int], *, count: int) -> Float[np.ndarray, " p"]:
    """Return the weights of fragments spread evenly over the parts that each one covers.

    Fragment k covers the parts from k n to (k + 1) n, n being the product of the pools; the last may cover fewer.
    What a fragment's convolution sees beyond them is left out.

    >>> over_parts(np.array([0.5, 0.5]), (2,), count=3).tolist()
    [0.25, 0.25, 0.5]
    """
    fragment = np.arange(count) // prod(pools)
    if count and fragment[-1] + 1 != len(weights):
        raise ShapeMismatch(f"{count} parts make {fragment[-1] + 1} fragments; got {len(weights)} weights.")
    spread: Float[np.ndarray, " p"] = weights[fragment] / np.bincount(fragment)[fragment]
    return spread
