"""What a pair and a data set are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float

from diptych.data.addresses import Picture
from diptych.errors import MissingData


@dataclass(frozen=True)
class Pair:
    """A picture with the texts that belong to it, and the categories of both."""

    id: str
    """Unique within its data set."""
    image: Picture | None
    """The picture's file or address (any format Pillow reads, or SVG); None where a data set has texts only."""
    texts: tuple[str, ...]
    """One or more texts about the picture."""
    categories: tuple[str, ...] = ()
    """None, one or several categories."""


@dataclass(frozen=True)
class DataSet:
    """Pairs in a fixed order, with named splits over them."""

    name: str
    pairs: tuple[Pair, ...]
    splits: Mapping[str, tuple[int, ...]]
    """Positions in `pairs`, by the split's name: at least `train`, `val` and `test`; empty before splits are drawn."""
    attribution: str = ""
    """The credit that must stand beside every shown picture, where the licence asks for one."""
    vectors: Mapping[str, Float[np.ndarray, "n _"]] = field(default_factory=dict)
    """Ready-made features that came with the data, by modality (`image`, `text`), row by row as `pairs`."""
    split_seed: int | None = None
    """The seed that drew `splits`, or part of them; None for the official or given ones."""
    held_out: int = 0
    """How many training pairs became `val` because the data bring no validation pairs."""

    torn: int = 0
    """How many pairs share a text with another split, because texts recur too often to keep them in one."""

    def split(self, name: str) -> tuple[int, ...]:
        """Return the positions of a split's pairs; `MissingData` names the splits there are."""
        if name not in self.splits:
            raise MissingData(
                f"{self.name} has no split {name!r}; it has {', '.join(self.splits)}. "
                f"Name one of these, or draw splits with --split-seed."
            )
        if not self.splits[name]:
            do = "Draw splits with --split-seed."
            if self.split_seed is not None:
                do = f"The {len(self.pairs):,} pairs are too few, or too many share a picture or a text. Add others."
            raise MissingData(f"{self.name}: the split {name!r} is empty. {do}")
        return tuple(self.splits[name])

    def with_splits(self, splits: Mapping[str, Sequence[int]], *, seed: int | None) -> "DataSet":
        """Return the same pairs under other splits."""
        drawn = {name: tuple(rows) for name, rows in splits.items()}
        return replace(self, splits=drawn, split_seed=seed, held_out=0, torn=0)

    @property
    def split_notes(self) -> list[str]:
        """Return what readers of figures should know about splits that were drawn here."""
        notes = []
        if self.held_out:
            notes.append(f"no validation pairs in the data: {self.held_out:,} of `train` are held out as `val`")
        if self.torn:
            notes.append(f"{self.torn:,} pairs share a text with another split: texts recur too often to avoid it")
        return notes

    @property
    def classes(self) -> tuple[str, ...]:
        """Every category that some pair has, sorted."""
        return tuple(sorted({category for pair in self.pairs for category in pair.categories}))

    def labels(self, rows: Sequence[int]) -> Bool[np.ndarray, "n c"]:
        """Return which of `classes` each of the named pairs has."""
        position = {category: k for k, category in enumerate(self.classes)}
        table = np.zeros((len(rows), len(position)), dtype=bool)
        for k, row in enumerate(rows):
            table[k, [position[category] for category in self.pairs[row].categories]] = True
        return table
