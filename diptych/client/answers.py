"""The answers of a service as Python objects."""

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
    """The URL of its picture, for `Client.thumbnail`."""


@dataclass(frozen=True)
class SearchAnswer:
    """The results of a search."""

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
    """The similarity of a text and a picture."""

    similarities: Mapping[str, float]
    similarity: float | None
    """The fused similarity; None if the fusion rule cannot score a single pair."""


@dataclass(frozen=True)
class Region:
    """A region of a picture, in pixels from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Word:
    """A word, and its span in the text."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Attribution:
    """What one method of explanation attributes to each region and each word; empty if it attributes nothing."""

    image: Sequence[float]
    words: Sequence[float]
    reason: str | None
    """Why a side is empty, or what was kept constant."""


@dataclass(frozen=True)
class InSpace:
    """The similarity in one space, and what it is attributed to."""

    name: str
    similarity: float
    ways: Mapping[str, Attribution]
    """`attention`, `gradient`, `integrated` and `occlusion`."""


@dataclass(frozen=True)
class Explained:
    """The explanation of an item's similarity to a query."""

    width: int
    """Pixels of the upright picture; 0 if two texts were compared."""
    height: int
    regions: Sequence[Region]
    text: str
    """The text of the words; empty if two pictures were compared."""
    words: Sequence[Word]
    fused: float | None
    """The fused similarity; None if the fusion rule cannot score a single pair."""
    fusion: Mapping[str, Any]
    """The rule, its weight, and what it normalises over."""
    spaces: Sequence[InSpace]
    fused_ways: Mapping[str, Attribution]
    attribution: str
    """The credit that must be shown with the picture."""
    held: str
    """If two pictures or two texts were compared: which of them is kept constant."""
    seconds: float


@dataclass
class Taken:
    """The counts of an upsert of many items."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: Mapping[str, str] = field(default_factory=dict)
    """Why each rejected item was rejected, by its id."""
