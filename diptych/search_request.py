"""The request of a search. To add an option to every search, add a field here and implement it.

Command line, service, client and page make their options from the fields (`diptych.request_fields`): a field's
docstring is its help, its type and default hold everywhere, and its metadata says what cannot be derived from them.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import cast

from diptych.entrance import PictureLike, fit_fields, given_picture
from diptych.errors import BadSetting


@dataclass(frozen=True)
class SearchRequest:
    """A search: what to look for, at least one of text, image and like, and which part of the ranking to return."""

    text: str | None = field(default=None, metadata={"metavar": "TEXT"})
    """Find what matches this text."""
    _: KW_ONLY
    image: PictureLike | None = field(default=None, metadata={"metavar": "FILE"})
    """Find what matches this picture."""
    like: str | None = field(default=None, metadata={"metavar": "ID"})
    """Find more like the item with this id."""
    without: Sequence[str] = field(default=(), metadata={"wire": "not", "metavar": "TEXT"})
    """Text that hits should not be about."""
    balance: float = field(default=0.5, metadata={"metavar": "W", "minimum": 0, "maximum": 1})
    """Weight of the text against a picture or an item, from 0 to 1."""
    against: str | None = field(default=None, metadata={"metavar": "SIDE", "choices": ("image", "text")})
    """Compare with the `image` or the `text` of items; by default, a picture alone with texts, all else with images."""
    words: float = field(default=0.0, metadata={"metavar": "W", "minimum": 0, "maximum": 1})
    """Weight, from 0 to 1, of a second ranking: by how well the texts of items have the words of the text."""
    where: str | None = field(default=None, metadata={"metavar": "FILTER"})
    """Only items that match a filter, such as "category = 'dog' and year > 2010"."""
    k: int = field(default=10, metadata={"minimum": 1})
    """How many hits to return."""
    offset: int = field(default=0, metadata={"metavar": "N", "minimum": 0})
    """Skip the first N hits."""
    fusion: str | None = field(default=None, metadata={"metavar": "RULE"})
    """Fuse the spaces by this rule, not the model's own."""

    def __post_init__(self) -> None:
        if self.image is not None:
            object.__setattr__(self, "image", given_picture(self.image))
        fit_fields(self)
        if self.text is None and self.image is None and self.like is None:
            raise BadSetting("a search needs a text, an image or the id of an item; pass at least one.")
        if self.against not in (None, "image", "text"):
            raise BadSetting(f"a search compares with the image or the text of items; got {self.against!r}.")
        if not 0 <= self.balance <= 1:
            raise BadSetting(f"the text's weight must lie between 0 and 1; got {self.balance}.")
        if not 0 <= self.words <= 1:
            raise BadSetting(f"the weight of words must lie between 0 and 1; got {self.words}.")
        if self.words and self.text is None:
            raise BadSetting("words are those of a text, and there is none. Pass a text, or omit words.")
        if self.k < 1 or self.offset < 0:
            raise BadSetting(f"k must be at least 1 and offset at least 0; got {self.k} and {self.offset}.")

    @property
    def title(self) -> str | Path | bytes:
        """What stands above the hits: the text, the picture's file or bytes, or the item."""
        if self.text is not None:
            return self.text
        return cast("Path | bytes", self.image) if self.image is not None else f"like {self.like}"
