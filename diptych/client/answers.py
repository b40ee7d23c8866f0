"""What a service answers, as Python has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Hit:
    """One result of a search."""

    rank: int
    id: str
    similarity: float
    similarities: Mapping[str, float]
    """In each space."""
    kind: str
    """`image`, `text` or `pair`."""
    texts: Sequence[str]
    categories: Sequence[str]
    columns: Mapping[str, Any]
    thumbnail: str | None
    """Where its picture is, for `Client.thumbnail`."""


@dataclass(frozen=True)
class SearchAnswer:
    """What a search found."""

    hits: Sequence[Hit]
    total: int | None
    """How many items were searched."""
    exact: bool
    attribution: str
    seconds: float


@dataclass(frozen=True)
class Item:
    """An item of a collection."""

    id: str
    kind: str
    texts: Sequence[str]
    columns: Mapping[str, Any]
    thumbnail: str | None


@dataclass(frozen=True)
class Likeness:
    """How alike a text and a picture are."""

    similarities: Mapping[str, float]
    similarity: float | None
    """The fused one; None where nothing can be said of one pair."""


@dataclass(frozen=True)
class Region:
    """A region of a picture, in pixels from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Word:
    """A word, and the characters of the text that it takes."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Attribution:
    """What one way of looking says: a number for each region and each word, none where it says nothing of them."""

    image: Sequence[float]
    words: Sequence[float]
    reason: str | None
    """Why it says nothing of a side, or what it holds still."""


@dataclass(frozen=True)
class InSpace:
    """One space's similarity, and what moved it."""

    name: str
    similarity: float
    ways: Mapping[str, Attribution]
    """`attention`, `gradient`, `integrated` and `occlusion`."""


@dataclass(frozen=True)
class Explained:
    """Why an item is as similar as it is to what was asked with."""

    width: int
    """Pixels of the upright picture; 0 for a text beside a text."""
    height: int
    regions: Sequence[Region]
    text: str
    """That the words are of; empty for a picture beside a picture."""
    words: Sequence[Word]
    fused: float | None
    """None where the rule says nothing of one pair."""
    fusion: Mapping[str, Any]
    """The rule, its weight, and what it normalises over."""
    spaces: Sequence[InSpace]
    fused_ways: Mapping[str, Attribution]
    attribution: str
    """The credit that must stand beside the picture."""
    held: str
    """What a picture was compared with where that is a picture too, or a text with a text."""
    seconds: float


@dataclass
class Taken:
    """What became of many items."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: Mapping[str, str] = field(default_factory=dict)
    """The reason for each that was set aside, by its id."""
