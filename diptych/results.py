"""What a search finds."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from diptych.data.addresses import Picture
from diptych.data.pictures import decode
from diptych.drawing.hits import contact_sheet

SIDE = 224
"""Pixels that a picture is decoded to before it is drawn."""


@dataclass(frozen=True)
class Hit:
    """One result of a search."""

    id: str
    similarity: float
    """What ranks it: the fused similarity (or the only space's)."""
    spaces: Mapping[str, float]
    """Its similarity in each space."""
    image: Picture | None
    texts: tuple[str, ...]
    categories: tuple[str, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Its other columns, where it comes from a collection."""


@dataclass(frozen=True)
class Results:
    """The hits of one search, best first."""

    query: str | Path
    """A text, or the path of a picture."""
    hits: tuple[Hit, ...]
    attribution: str
    """The credit that must stand beside the shown pictures; empty where none is asked for."""
    unknown_words: float | None = None
    """The share of a text query's words that the text encoder does not know; None for a picture."""
    exact: bool = True
    """Whether these are surely the best; else an approximate index proposed them."""
    total: int | None = None
    """How many items were searched, those that a filter leaves out not counted; None where nobody counted."""

    def as_dict(self) -> dict[str, Any]:
        """Return the hits as one JSON-able object."""
        hits = [{**asdict(hit), "image": hit.image and str(hit.image)} for hit in self.hits]
        return {
            "query": str(self.query),
            "unknown_words": self.unknown_words,
            "hits": hits,
            "attribution": self.attribution,
        }

    def save(self, path: Path) -> None:
        """Draw the query and its hits into a PNG, with the attribution at its foot."""
        query = decode(self.query, side=SIDE) if isinstance(self.query, Path) else self.query
        pictures = [decode(hit.image, side=SIDE) if hit.image and hit.image.is_file() else None for hit in self.hits]
        captions = [" · ".join(hit.texts) for hit in self.hits]
        similarities = [hit.similarity for hit in self.hits]
        contact_sheet(query, pictures, captions, similarities, path, attribution=self.attribution)
