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
class Found:
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


@dataclass
class Taken:
    """What became of many items."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: Mapping[str, str] = field(default_factory=dict)
    """The reason for each that was set aside, by its id."""
