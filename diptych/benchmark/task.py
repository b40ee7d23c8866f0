"""Tasks of a benchmark, as plain values that are passed between processes."""

from dataclasses import dataclass, replace
from pathlib import Path

from diptych.benchmark.cell import row_name, split_name
from diptych.training.data_source import DataSource

__all__ = ["CellTask", "DataSource"]


@dataclass(frozen=True)
class CellTask:
    """One method on one split."""

    out: Path
    """The benchmark's folder."""
    source: DataSource
    method: str
    preset: str
    split_seed: int | None
    seed: int
    candidates: tuple[tuple[str, ...], ...]
    """Settings of each candidate in the search."""
    posteriors: bool = False
    """Whether the cell gets a second one, with the categories' posteriors beside the vectors."""

    @property
    def name(self) -> str:
        """The method's name in tables."""
        return row_name(self.method, self.preset)

    @property
    def label(self) -> str:
        """A label for progress messages."""
        return f"{self.name}, split {split_name(self.split_seed)}"

    @property
    def place(self) -> str:
        """The folder name of this cell below `runs` and `cells`."""
        return f"{self.name.replace(':', '-')}/split-{split_name(self.split_seed)}"

    @property
    def file(self) -> Path:
        """The file of the cell's result."""
        return self.out / "cells" / f"{self.place}.json"

    @property
    def mixed_file(self) -> Path:
        """The file of the result with posteriors."""
        return self.out / "cells" / f"{self.place.replace('/', '+posteriors/')}.json"

    def run(self, candidate: int) -> Path:
        """Return the run folder of a candidate."""
        return self.out / "runs" / self.place / str(candidate)

    def fit_file(self, candidate: int) -> Path:
        """Return the file of a candidate's fit."""
        return self.run(candidate) / "fit.json"

    def reading_with(self, image_encoder: str, text_encoder: str) -> "CellTask":
        """Return the same cell with features from other encoders."""
        return replace(self, source=replace(self.source, image_encoder=image_encoder, text_encoder=text_encoder))
