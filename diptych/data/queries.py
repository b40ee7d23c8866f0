"""Checks queries: a text must not be empty, a picture must exist."""

from pathlib import Path

from diptych.data.texts import lone_surrogate
from diptych.errors import BadText, MissingData


def checked_text(text: str) -> str:
    """Return a text to search for; `BadText` if it is empty or not valid Unicode."""
    if not text.strip():
        raise BadText("the text to search for is empty. Write a few words.")
    if lone_surrogate(text):
        raise BadText(f"the text to search for must be valid Unicode; got {text!r}. Write it again.")
    return text


def checked_picture(image: Path) -> Path:
    """Return the path of a picture to search with; `MissingData` if there is no such file."""
    if not Path(image).is_file():
        raise MissingData(f"the picture to search with, '{image}', is not a file. Give the path of a picture.")
    return Path(image)
