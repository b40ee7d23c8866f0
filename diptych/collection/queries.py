"""What a search asks for, as vectors: a text, a picture, an item that is there already, without what is unwanted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import cast

import numpy as np
from jaxtyping import Float32

from diptych.collection.model import Model
from diptych.data.queries import checked_picture, checked_text
from diptych.errors import BadSetting, MissingData
from diptych.index.contract import Table
from diptych.index.items import SIDES, Side

UNWANTED = 0.5
"""Weight of what is unwanted, against 1 for what is wanted."""


Known = Mapping[tuple[str, Side, str | Path], Float32[np.ndarray, " d"]]
"""Vectors by the model's digest, the side, and the text or the picture's path."""
NOTHING_KNOWN: Known = MappingProxyType({})


@dataclass(frozen=True)
class Query:
    """A search: at least one of text, image and like."""

    text: str | None = None
    image: Path | None = None
    like: str | None = None
    """The id of an item: find more like it."""
    without: tuple[str, ...] = ()
    """Texts that hits should not fit."""
    balance: float = 0.5
    """Weight of the text where there is a picture or an item too, from 0 to 1."""
    against: str | None = None
    """Compare with the pictures or with the texts of items; by default pictures, and texts for a picture alone."""

    def __post_init__(self) -> None:
        if self.text is None and self.image is None and self.like is None:
            raise BadSetting("a search needs a text, an image or the id of an item; pass at least one of them.")
        for text in (self.text, *self.without):
            if text is not None:
                checked_text(text)
        if self.against not in (None, *SIDES):
            raise BadSetting(f"a search goes against the image or text of items; got {self.against!r}.")
        if not 0 <= self.balance <= 1:
            raise BadSetting(f"the text's weight must lie between 0 and 1; got {self.balance}.")
        if self.image is not None:
            checked_picture(self.image)

    @property
    def title(self) -> str | Path:
        """What stands above the hits."""
        if self.text is not None:
            return self.text
        return self.image if self.image is not None else f"like {self.like}"

    def side(self, has: Callable[[Side], bool]) -> Side:
        """Return which side of the items it is compared with: where no item `has` the usual one, the other."""
        if self.against:
            return cast("Side", self.against)
        usual: Side = "text" if self.image is not None and self.text is None and self.like is None else "image"
        other = SIDES[1 - SIDES.index(usual)]
        return usual if has(usual) or not has(other) else other

    @property
    def contents(self) -> list[tuple[Side, str | Path]]:
        """What must be encoded to answer it."""
        texts = [text for text in (self.text, *self.without) if text is not None]
        return [*([("image", self.image)] if self.image is not None else []), *(("text", text) for text in texts)]  # type: ignore[list-item]

    def vector(self, model: Model, table: Table, known: Known = NOTHING_KNOWN) -> Float32[np.ndarray, " d"]:
        """Return the weighted sum of what is wanted, less what is not, in all spaces one after another.

        What is not `known` from this model is encoded.
        """

        def _encoded(side: Side, item: str | Path) -> Float32[np.ndarray, " d"]:
            found = known.get((model.digest, side, item))
            return model.encode(side, [item])[0] if found is None else found

        shown = [_encoded("image", self.image)] if self.image is not None else []
        shown += [_of_item(self.like, model, table)] if self.like is not None else []
        said = [_encoded("text", self.text)] if self.text is not None else []
        share = self.balance if said and shown else float(bool(said))
        wanted = _mean(said, share) + _mean(shown, 1 - share)
        unwanted = _mean([_encoded("text", text) for text in self.without], UNWANTED)
        vector: Float32[np.ndarray, " d"] = np.asarray(wanted - unwanted, dtype=np.float32)
        return vector


def _mean(vectors: Sequence[Float32[np.ndarray, " d"]], weight: float) -> Float32[np.ndarray, " d"] | float:
    return np.float32(weight) * np.mean(vectors, axis=0) if vectors else 0.0


def _of_item(identity: str, model: Model, table: Table) -> Float32[np.ndarray, " d"]:
    """Return the vector of an item's picture, or of its text where it has no picture."""
    item = table.read([identity], vectors=SIDES)
    if not len(item):
        raise MissingData(f"the collection has no item {identity!r}. See what it has: diptych collection list.")
    side = next(side for side in SIDES if item.vectors[side].present[0])
    vector: Float32[np.ndarray, " d"] = model.kept.restored(side, item.vectors[side].rows)[0]
    return vector
