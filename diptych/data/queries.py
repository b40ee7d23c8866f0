"""Checks queries: a text must not be empty, a picture must exist."""

import hashlib
from pathlib import Path

from diptych.data.addresses import Address, Picture
from diptych.data.texts import lone_surrogate
from diptych.entrance import PictureLike, given_picture
from diptych.errors import BadText, MissingData


def checked_text(text: str) -> str:
    """Return a text to search for; `BadText` if it is empty or not valid Unicode."""
    if not text.strip():
        raise BadText("the text to search for is empty. Write a few words.")
    if lone_surrogate(text):
        raise BadText(f"the text to search for must be valid Unicode; got {text!r}. Write it again.")
    return text


def checked_picture(image: PictureLike) -> Picture:
    """Return a picture to search with; `MissingData` if it is a path and there is no such file."""
    picture = query_picture(image)
    if not picture.is_file():
        raise MissingData(f"the picture to search with, '{picture}', is not a file. Give the path of a picture.")
    return picture


def query_picture(image: PictureLike) -> Picture:
    """Return a picture as it was passed: its file, or an address that holds its bytes and is named by their digest."""
    given = given_picture(image)
    if isinstance(given, Path):
        return given
    return Address(f"picture {hashlib.sha256(given).hexdigest()[:12]}", data=given)
