"""Search results."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from diptych.data.addresses import Picture, is_present, is_withheld, withheld_path
from diptych.data.pictures import decode
from diptych.drawing.hits import contact_sheet
from diptych.drawing.sheet import Sheet
from diptych.drawing.shown import Shown
from diptych.entrance import checks_arguments
from diptych.files import check_drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
class Results(Shown):
    """The hits of one search, best first."""

    query: str | Picture
    """A text, or a picture."""
    hits: tuple[Hit, ...]
    attribution: str
    """The credit that must be shown with the pictures; empty if none is required."""
    unknown_words: float | None = None
    """The share of a text query's words that the text encoder does not know; None for a picture."""
    exact: bool = True
    """Whether these are guaranteed to be the best hits; otherwise they come from an approximate index."""
    total: int | None = None
    """The number of items searched, after filtering; None if unknown."""
    notes: tuple[str, ...] = ()
    """What the hits need to be said with, for example that the data have changed since they were trained on."""

    @property
    def missing_pictures(self) -> tuple[Picture, ...]:
        """The pictures of hits that are not there, or that may not be read; remote ones are not looked for."""
        return tuple(hit.image for hit in self.hits if hit.image is not None and not is_present(hit.image))

    @property
    def missing(self) -> int:
        """How many hits have a picture that is not there, or that may not be read."""
        return len(self.missing_pictures)

    @property
    def missing_note(self) -> str:
        """How many pictures cannot be read, the first of them, and what to do, in sentences; empty if all can."""
        if not self.missing:
            return ""
        pictures, first = sum(hit.image is not None for hit in self.hits), str(self.missing_pictures[0])
        of = (
            f"{self.missing:,} of {pictures:,} picture{'s' * (pictures > 1)} {'is' if self.missing == 1 else 'are'} not"
        )
        if is_withheld(first):
            return (
                f"{of} read, since they were not added to this collection on this machine: {withheld_path(first)}. Add "
                "their folder again, or allow it: --pictures-from DIR."
            )
        return (
            f"{of} found: {first}. If they were moved, say where to: diptych collection moved COLLECTION OLD NEW, or "
            "for a run --data NEW."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the hits as one JSON-able object."""
        hits = [{**asdict(hit), "image": hit.image and str(hit.image)} for hit in self.hits]
        return {
            "query": str(self.query),
            "unknown_words": self.unknown_words,
            "hits": hits,
            "attribution": self.attribution,
            "missing": self.missing,
            "notes": list(self.notes),
        }

    @checks_arguments
    def save(self, path: str | Path) -> None:
        """Draw the query and its hits, with the attribution at the bottom, as a .png, .jpg, .webp or .pdf."""
        check_drawn(Path(path))
        self._sheet().save(Path(path))

    @override
    def records(self) -> list[dict[str, Any]]:
        return [
            {"rank": rank, "id": hit.id, "similarity": hit.similarity, **hit.spaces}
            | {"texts": list(hit.texts), "image": hit.image and str(hit.image), "categories": list(hit.categories)}
            | dict(hit.metadata)
            for rank, hit in enumerate(self.hits, start=1)
        ]

    @override
    def plot(self) -> "Figure":
        return self._sheet().figure

    def _sheet(self) -> Sheet:
        query = decode(self.query, side=SIDE) if not isinstance(self.query, str) else self.query
        there = [
            hit.image if hit.image and is_present(hit.image) and hit.image.is_file() else None for hit in self.hits
        ]
        pictures = [None if picture is None else decode(picture, side=SIDE) for picture in there]
        captions = [" · ".join(hit.texts) for hit in self.hits]
        similarities = [hit.similarity for hit in self.hits]
        return contact_sheet(query, pictures, captions, similarities, attribution=self.attribution)
