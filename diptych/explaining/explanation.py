"""What an explanation holds: places in the picture and the text, similarities, and what each way says of each place."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32

from diptych.data.addresses import Picture
from diptych.data.pictures import decode
from diptych.drawing.explanation_page import explanation_page
from diptych.drawing.explanation_sheet import explanation_sheet
from diptych.errors import BadSetting
from diptych.explaining.fusing import Fusing
from diptych.explaining.places import Box
from diptych.explaining.sides import Word
from diptych.files import written_atomically

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Attribution", "Box", "Explanation", "InSpace", "Word", "save_explanations"]


@dataclass(frozen=True)
class Attribution:
    """What one way of looking says: a number for each region and each word, none where it says nothing of them."""

    image: Float32[np.ndarray, " r"]
    words: Float32[np.ndarray, " w"]
    reason: str | None = None
    """Why it says nothing of a side, or what it holds still."""

    def as_record(self) -> dict[str, Any]:
        """Return the numbers as lists, and the reason where there is one."""
        numbers = {"image": self.image.tolist(), "words": self.words.tolist()}
        return numbers if self.reason is None else {**numbers, "reason": self.reason}


@dataclass(frozen=True)
class InSpace:
    """One space's similarity of the pair, and what moved it."""

    name: str
    similarity: float
    ways: Mapping[str, Attribution]
    """By name: `attention` (what the space weighs), `gradient`, `integrated` and `occlusion` (what moves the score)."""

    def as_record(self) -> dict[str, Any]:
        """Return one JSON-able object."""
        ways = {name: way.as_record() for name, way in self.ways.items()}
        return {"name": self.name, "similarity": self.similarity, "ways": ways}


@dataclass(frozen=True)
class Explanation:
    """Why a picture and a text are as similar as they are."""

    image: Picture | None
    """None where a text is explained beside another text."""
    width: int
    """Pixels of the upright picture; 0 without one."""
    height: int
    regions: tuple[Box, ...]
    text: str
    words: tuple[Word, ...]
    fused: float | None
    """None where the rule says nothing of one pair."""
    fusion: Fusing
    spaces: tuple[InSpace, ...]
    fused_ways: Mapping[str, Attribution]
    """What moved the fused similarity; its `attention` is that of both spaces side by side."""
    attribution: str = field(default="", kw_only=True)
    """The credit that must stand beside the picture; empty where none is asked for."""
    held: str = field(default="", kw_only=True)
    """What a picture was compared with where that is a picture too, or a text with a text; it was held as it is."""

    def as_record(self) -> dict[str, Any]:
        """Return one JSON-able object; the picture's path is left out."""
        regions = [asdict(box) for box in self.regions]
        seen = {"width": self.width, "height": self.height, "regions": regions}
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

    def save(self, path: Path) -> None:
        """Draw it into a page that stands alone (`.html`) or a picture (`.png`)."""
        save_explanations([self], path)


def save_explanations(explanations: "list[Explanation]", path: Path) -> None:
    """Draw explanations, one below the other, into one page that stands alone (`.html`) or one picture (`.png`)."""
    path = Path(path)
    shown = [(each.as_record(), _picture(each)) for each in explanations]
    match path.suffix.lower():
        case ".html":
            with written_atomically(path) as temporary:
                temporary.write_text(explanation_page(shown), encoding="utf-8")
        case ".png":
            explanation_sheet(shown, path)
        case suffix:
            raise BadSetting(f"an explanation is saved as .html or .png; got {suffix or 'no suffix'!r} in '{path}'.")


def _picture(explanation: Explanation) -> "Image":
    if explanation.image is None:
        raise BadSetting("a text beside a text has no picture to draw on. Take its numbers: as_record().")
    return decode(explanation.image, side=max(explanation.width, explanation.height))
