"""Bounds on raster pictures, which are checked by their headers before anything is decoded.

A few kilobytes can announce a picture that fills the memory, or one that is decoded thousands of times over. So each
side, the number of pixels, the scans of a JPEG and the tiles of a TIFF are bounded.
"""

import re
from io import BufferedIOBase
from typing import Any

from PIL.ImageFile import ImageFile

from diptych.errors import BadImage

MAX_PIXELS = 89_478_485
"""The most pixels a picture may have: Pillow's own threshold of caution."""

MAX_SIDE = 65_500
"""The most pixels along a side: the limit of libjpeg."""

MAX_SCANS = 100
"""The most scans of a JPEG: the limit of libtiff. Encoders write about ten; each costs time for the whole picture."""

MAX_SEGMENTS = 10_000
"""The most segments of a JPEG, that is scans, tables and comments, among which scans are counted."""

MAX_TILE = 4_096
"""The longest side in pixels of a tile in a TIFF that is itself smaller."""

_TILE_SIZE = (322, 323)
"""The tags of a TIFF that hold the width and height of its tiles."""

_RENDERED = ("EPS",)
"""Formats that Pillow passes on to another program."""

_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""A marker of a JPEG, other than those within its coded data."""
_START_OF_SCAN, _END = 0xDA, 0xD9


def check_bounds(image: ImageFile, *, named: str, remedy: str) -> None:
    """Raise `BadImage` if an opened picture exceeds a bound other than the number of pixels."""
    check_sides(image.size, named=named, remedy=remedy)
    if image.format in _RENDERED:
        raise BadImage(f"{named} is {image.format}, which is no raster picture. Save it as PNG.")
    if _holds_many_scans(image):
        raise BadImage(f"{named} has more than {MAX_SCANS} scans. Save it as a JPEG again.")
    if any(tile > max(side, MAX_TILE) for tile, side in zip(_tile(image), image.size, strict=False)):
        raise BadImage(f"{named} has tiles that are larger than itself. Save it as a TIFF again.")


def check_sides(size: tuple[int, int], *, named: str, remedy: str) -> None:
    """Raise `BadImage` if a picture is too wide or too high."""
    width, height = size
    if max(width, height) > MAX_SIDE:
        raise BadImage(f"{named} has {width:,} x {height:,} pixels, more than {MAX_SIDE:,} along a side. {remedy}")


def count_scans(data: bytes) -> int:
    """Return how many scans a JPEG has, or a number above `MAX_SCANS` if it has more, or too many segments.

    Segments are skipped by their lengths, so that only what a decoder takes for the start of a scan counts.
    """
    place, scans = 2, 0
    for _ in range(MAX_SEGMENTS):
        marker = _MARKER.search(data, place)
        if marker is None or marker[0][1] == _END or scans > MAX_SCANS:
            return scans
        scans += marker[0][1] == _START_OF_SCAN
        place = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2], "big")
    return MAX_SCANS + 1


def _holds_many_scans(image: Any) -> bool:
    """Return whether a JPEG has more than `MAX_SCANS` scans.

    A file whose first scan holds all components ends there, unless it is progressive.
    """
    if image.format not in ("JPEG", "MPO"):
        return False
    stream: BufferedIOBase = image.fp
    place = stream.tell()
    try:
        # an opened JPEG stands after the marker of its first scan: two bytes of length, then its number of components
        if image.format == "JPEG" and "progressive" not in image.info and stream.read(3)[2:] == bytes([image.layers]):
            return False
        stream.seek(0)
        return count_scans(stream.read()) > MAX_SCANS
    finally:
        stream.seek(place)


def _tile(image: Any) -> tuple[int, ...]:
    """Return the width and height of a TIFF's tiles; nothing for other pictures."""
    tags = getattr(image, "tag_v2", {})
    return tuple(value for tag in _TILE_SIZE if isinstance(value := tags.get(tag), int))
