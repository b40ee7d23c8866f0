"""The data of an explanation: regions and words, similarities, and attributions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32
from typing_extensions import override

from diptych.data.addresses import Picture
from diptych.data.pictures import decode
from diptych.drawing.explanation_page import explanation_page
from diptych.drawing.explanation_sheet import explanation_sheet
from diptych.drawing.explanation_wording import CELLS, boxed, views
from diptych.drawing.markup import tag
from diptych.drawing.shown import Shown, table_html
from diptych.entrance import checks_arguments
from diptych.errors import BadSetting
from diptych.explaining.fusing import Fusing
from diptych.explaining.places import Box
from diptych.explaining.sides import Word
from diptych.files import PAGE, check_drawn, written_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = ["Attribution", "Box", "Explanation", "InSpace", "Word", "save_explanations"]


_NOWHERE = dict.fromkeys(("text", "start", "end", "left", "top", "right", "bottom"))
"""The columns of a part's place in the text or in the picture."""


@dataclass(frozen=True)
class Attribution:
    """The scores of one attribution method for each region and each word; empty for a side without scores."""

    image: Float32[np.ndarray, " r"]
    words: Float32[np.ndarray, " w"]
    reason: str | None = None
    """Why it has no scores for a side, or what it keeps fixed."""

    def as_record(self) -> dict[str, Any]:
        """Return the scores as lists, with the reason if there is one."""
        numbers = {"image": self.image.tolist(), "words": self.words.tolist()}
        return numbers if self.reason is None else {**numbers, "reason": self.reason}


@dataclass(frozen=True)
class InSpace:
    """The pair's similarity in one space, with its attributions."""

    name: str
    similarity: float
    ways: Mapping[str, Attribution]
    """By name: `attention` (the space's weights), and the attributions `gradient`, `integrated` and `occlusion`; with
    pixels also `pixel-gradient`, `pixel-integrated` and `pixel-occlusion`, whose scores are of cells."""

    def as_record(self) -> dict[str, Any]:
        """Return one JSON-able object."""
        ways = {name: way.as_record() for name, way in self.ways.items()}
        return {"name": self.name, "similarity": self.similarity, "ways": ways}


@dataclass(frozen=True)
class Explanation(Shown):
    """An explanation of the similarity of a picture and a text."""

    image: Picture | None
    """None if a text is compared with another text."""
    width: int
    """Width of the upright picture in pixels; 0 without one."""
    height: int
    regions: tuple[Box, ...]
    text: str
    words: tuple[Word, ...]
    fused: float | None
    """None if the rule cannot fuse a single pair."""
    fusion: Fusing
    spaces: tuple[InSpace, ...]
    fused_ways: Mapping[str, Attribution]
    """Attributions of the fused similarity; its `attention` combines that of both spaces."""
    attribution: str = field(default="", kw_only=True)
    """The credit that must be shown with the picture; empty if none is required."""
    held: str = field(default="", kw_only=True)
    """The other item in a comparison within one modality, which is kept fixed; empty otherwise."""
    cells: tuple[Box, ...] = field(default=(), kw_only=True)
    """The cells of pixels that `pixel-` ways score, row by row; empty without such ways."""

    def as_record(self) -> dict[str, Any]:
        """Return one JSON-able object, without the picture's path."""
        regions = [asdict(box) for box in self.regions]
        seen: dict[str, Any] = {"width": self.width, "height": self.height, "regions": regions}
        if self.cells:
            seen["cells"] = [asdict(cell) for cell in self.cells]
        return {
            "image": None if self.image is None else seen,
            "text": self.text,
            "words": [asdict(word) for word in self.words],
            "fused": self.fused,
            "fusion": self.fusion.as_record(),
            "spaces": [space.as_record() for space in self.spaces],
            "fused_ways": {name: way.as_record() for name, way in self.fused_ways.items()},
            "attribution": self.attribution,
            "held": self.held,
        }

    @checks_arguments
    def save(self, path: str | Path) -> None:
        """Save it as a self-contained page (`.html`) or a picture (`.png`, `.jpg`, `.webp`, `.pdf`)."""
        save_explanations([self], path)

    @override
    def records(self) -> list[dict[str, Any]]:
        """Return a row for each score: of a region, a cell or a word, in a space or fused, by a way of explaining."""
        return [
            {"space": space, "way": way, "part": kind, "number": number, "score": score, **_NOWHERE, **asdict(part)}
            for space, _, ways in views(self.as_record())
            for way, scores in ways.items()
            for kind, parts, side in self._sides(way)
            for number, (part, score) in enumerate(zip(parts, scores[side], strict=False))  # a side may have no scores
        ]

    def _sides(self, way: str) -> tuple[tuple[str, Sequence[Box | Word], str], ...]:
        """Return what a way scores: the kind and the places of parts, and the key of their scores."""
        boxes = ("cell", self.cells) if boxed(way) == CELLS else ("region", self.regions)
        return (*boxes, "image"), ("word", self.words, "words")

    @override
    def plot(self) -> "Figure":
        return explanation_sheet([(self.as_record(), _picture(self))]).figure

    @override
    def _repr_html_(self) -> str:
        if self.image is None:
            return table_html(self.records())
        page = explanation_page([(self.as_record(), _picture(self))])
        return tag("iframe", srcdoc=page, sandbox="allow-scripts", style="width:100%;height:48rem;border:0")


@checks_arguments
def save_explanations(explanations: Sequence[Explanation], path: str | Path) -> None:
    """Save explanations, one below the other, as one self-contained page (`.html`) or one picture (`.png`, ...)."""
    path = Path(path)
    check_drawn(path, page=True)
    shown = [(each.as_record(), _picture(each)) for each in explanations]
    if path.suffix.lower() != PAGE:
        explanation_sheet(shown).save(path)
        return
    with written_atomically(path) as temporary:
        temporary.write_text(explanation_page(shown), encoding="utf-8")


def _picture(explanation: Explanation) -> "Image":
    if explanation.image is None:
        raise BadSetting("a text compared with a text has no picture to draw on. Use its scores: as_record().")
    return decode(explanation.image, side=max(explanation.width, explanation.height))
