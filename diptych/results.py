"""Search results."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from diptych.data.addresses import Picture
from diptych.data.pictures import decode
from diptych.drawing.hits import contact_sheet

SIDE = 224
"""Size in pixels to which a picture is decoded for drawing."""


@dataclass(frozen=True)
class Hit:
    """One result of a search."""

    id: str
    similarity: float
    """The similarity that ranks it: the fused one, or that of the only space."""
    spaces: Mapping[str, float]
    """Its similarity in each space."""
    image: Picture | None
    texts: tuple[str, ...]
    categories: tuple[str, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Its other columns, if it comes from a collection."""


@dataclass(frozen=True)
class Results:
    """The hits of one search, best first."""

    query: str | Path
    """A text, or the path of a picture."""
    hits: tuple[Hit, ...]
    attribution: str
    """The credit that must be shown with the pictures; empty if none is required."""
    unknown_words: float | None = None
    """The share of a text query's words that the text encoder does not know; None for a picture."""
    exact: bool = True
    """Whether these are guaranteed to be the best hits; otherwise they come from an approximate index."""
    total: int | None = None
    """The number of items searched, after filtering; None if unknown."""

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
        """Draw the query and its hits as a PNG, with the attribution at the bottom."""
        query = decode(self.query, side=SIDE) if isinstance(self.query, Path) else self.query
        pictures = [decode(hit.image, side=SIDE) if hit.image and hit.image.is_file() else None for hit in self.hits]
        captions = [" · ".join(hit.texts) for hit in self.hits]
        similarities = [hit.similarity for hit in self.hits]
        contact_sheet(query, pictures, captions, similarities, path, attribution=self.attribution)
