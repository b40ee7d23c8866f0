"""The result of one method on one split: what a file of a benchmark's folder holds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diptych.errors import BadCheckpoint
from diptych.files import write_json

DIRECTIONS = ("image_to_text", "text_to_image")


@dataclass(frozen=True)
class Fit:
    """One candidate of a search: a method trained with some settings and judged on validation data."""

    settings: tuple[str, ...]
    """What the search changed in the preset, as `name=value`."""
    validation_map: float | None
    """The mean of both directions' MAP on validation data; None where training failed."""
    seconds: float
    """Training alone, encoded features being at hand."""
    peak_megabytes: float | None
    """The most memory that the process held meanwhile, features included; None where the system does not tell."""
    error: str = ""
    """Why training failed."""


@dataclass(frozen=True)
class Cell:
    """A method on a split: its search, what was chosen, and how each test query was answered."""

    method: str
    preset: str
    data: str
    split_seed: int | None
    """None for the splits that the data set has of itself."""
    fits: tuple[Fit, ...]
    chosen: int
    """Position in `fits` of the best on validation data."""
    run: str
    """Folder of the chosen run, relative to the benchmark's."""
    config: Mapping[str, Any]
    """The chosen run's whole config, versions included."""
    figures: Mapping[str, Any]
    """What `diptych evaluate` says of it."""
    chance: Mapping[str, float]
    """Expected MAP of a random order, by direction."""
    ids: tuple[str, ...]
    """The pairs' ids: query k of either direction belongs to pair `ids[k]`."""
    categories: tuple[tuple[str, ...], ...]
    """The categories of each."""
    ap: Mapping[str, Sequence[float | None]]
    """Average precision of each query, by direction; None where nothing is relevant."""
    curve: Mapping[str, Sequence[float]]
    """Mean precision at the recalls 0, .01, ..., 1, by direction."""

    @property
    def name(self) -> str:
        """The method's name in tables: `mcsm`, or `mcsm:paper` for another preset than the default."""
        return row_name(self.method, self.preset)

    @property
    def best(self) -> Fit:
        """The fit that was chosen on validation data."""
        return self.fits[self.chosen]

    def average_precision(self, direction: str) -> Float[np.ndarray, " q"]:
        """Return each query's average precision; NaN where nothing is relevant."""
        return np.array([np.nan if value is None else value for value in self.ap[direction]])

    def write(self, file: Path) -> None:
        """Write the cell as JSON."""
        write_json(file, asdict(self))

    @classmethod
    def read(cls, file: Path) -> "Cell":
        """Return the cell that a file holds."""
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            fits = tuple(Fit(**{**fit, "settings": tuple(fit["settings"])}) for fit in value.pop("fits"))
            ids, categories = tuple(value.pop("ids")), tuple(tuple(own) for own in value.pop("categories"))
            return cls(fits=fits, ids=ids, categories=categories, **value)
        except (ValueError, KeyError, TypeError) as error:
            raise BadCheckpoint(
                f"{file} must hold a benchmark's cell ({error!r}). Remove it; the same command makes it anew."
            ) from None


def row_name(method: str, preset: str) -> str:
    """Return how a method under a preset is called in tables.

    >>> row_name("mcsm", "default"), row_name("mcsm", "paper")
    ('mcsm', 'mcsm:paper')
    """
    return method if preset == "default" else f"{method}:{preset}"


def split_name(seed: int | None) -> str:
    """Return how a split is called: by the seed that drew it, or `official` where the data set brought it."""
    return "official" if seed is None else str(seed)
