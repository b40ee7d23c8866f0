"""What the columns of a manifest are called: by our names, by usual ones, or by those that a user gives.

    ours              also recognised where ours is missing
    image             file_name, filename, image_path; path and url if they name a picture by its suffix
    text, texts       caption, sentence, captions, sentences
    category          label, class; a collection keeps these as columns of their own

A column that a user names (`image=photo`) counts before ours.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from diptych.data.addresses import Address, is_url
from diptych.data.picture_suffixes import SUFFIXES
from diptych.errors import BadSetting

Row = Mapping[str, Any]
"""A row of a manifest, by its columns' names."""

ROLES = ("id", "image", "text", "texts", "category", "categories", "split")
"""Our names: what a column can mean."""
IMAGE, MAYBE_IMAGE = ("file_name", "filename", "image_path"), ("path", "url")
PICTURED = ("image", *IMAGE, *MAYBE_IMAGE)
"""Columns that may name or hold a picture."""


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value)


def _is_picture(value: Any) -> bool:
    return value is None or isinstance(value, str | Address)


def _names_picture(value: Any) -> bool:
    if not isinstance(value, str):
        return isinstance(value, Address)
    try:
        path = urlsplit(value).path if is_url(value) else value
    except ValueError:
        return False
    return PurePosixPath(path).suffix.lower() in SUFFIXES


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


def _is_category(value: Any) -> bool:
    several = value if isinstance(value, list) else [value]
    return all(_is_text(each) or (isinstance(each, int) and not isinstance(each, bool)) for each in several)


_ALIKE = (("text", "texts"), ("category", "categories"))
"""Roles of which a row needs one."""


@dataclass(frozen=True)
class _Usual:
    """Names that are recognised for a role, and what their cells must be."""

    role: str
    names: tuple[str, ...]
    fits: Callable[[Any], bool]
    unless: tuple[str, ...] = ()
    """Roles whose presence in a row leaves these names what they are."""


_CATEGORY = _Usual("category", ("label", "class"), _is_category, unless=("category", "categories"))
_USUAL = (
    _Usual("image", IMAGE, _is_picture),
    _Usual("image", MAYBE_IMAGE, _names_picture, unless=("image", *IMAGE)),
    _Usual("texts", ("captions", "sentences"), _are_texts, unless=("text", "texts")),
    _Usual("text", ("caption", "sentence"), _is_text, unless=("text", "texts")),
)


@dataclass(frozen=True)
class ColumnNames:
    """What the columns of manifests are called.

    >>> ColumnNames().renamed({"filename": "1.jpg", "caption": "a cat", "label": "cat", "year": 2010})
    {'image': '1.jpg', 'text': 'a cat', 'category': 'cat', 'year': 2010}
    >>> ColumnNames.of(["text=title"]).renamed({"image": "1.jpg", "title": "a cat", "caption": "no. 7"})
    {'image': '1.jpg', 'text': 'a cat', 'caption': 'no. 7'}
    """

    given: Mapping[str, str] = field(default_factory=dict)
    """The columns that a user names, by role."""
    usual: tuple[_Usual, ...] = (*_USUAL, _CATEGORY)

    @classmethod
    def of(cls, columns: Sequence[str]) -> "ColumnNames":
        """Return the names that columns written as `ROLE=COLUMN` give; `BadSetting` for others."""
        given = {}
        for each in columns:
            role, sign, column = each.partition("=")
            if not sign or role not in ROLES or not column:
                raise BadSetting(
                    f"a column is named after its meaning, as in text=caption: {', '.join(ROLES)}; got {each!r}."
                )
            given[role] = column
        return cls(given)

    @property
    def pictured(self) -> frozenset[str]:
        """The columns that may name or hold a picture."""
        return frozenset((*PICTURED, self.given.get("image", "image")))

    def with_categories_kept(self) -> "ColumnNames":
        """Return the same without usual names of categories, which a collection keeps as they are called."""
        return ColumnNames(self.given, _USUAL)

    def renamed(self, row: Row) -> Row:
        """Return a row with our names for the columns that are recognised, in the row's own order."""
        roles = {column: role for role, column in self.given.items() if column in row}
        for usual in self.usual:
            if self._is_open(usual.role, row, roles) and not any(role in row for role in usual.unless):
                there = [name for name in usual.names if name in row and name not in roles and usual.fits(row[name])]
                roles |= dict.fromkeys(sorted(there, key=lambda name: _is_empty(row[name]))[:1], usual.role)
        replaced = set(roles.values()) - roles.keys()
        return {roles.get(name, name): value for name, value in row.items() if name not in replaced} if roles else row

    def _is_open(self, role: str, row: Row, roles: Mapping[str, str]) -> bool:
        """Return whether neither the user nor the row says which column has a role, or one that is alike."""
        alike = next((group for group in _ALIKE if role in group), (role,))
        return _is_empty(row.get(role)) and not any(each in (*self.given, *roles.values()) for each in alike)


USUAL_NAMES = ColumnNames()
