"""The result of one method on one split, as stored in a benchmark's folder."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diptych.errors import BadCheckpoint
from diptych.files import write_json

DIRECTIONS = ("image_to_text", "text_to_image")


@dataclass(frozen=True)
class Fit:
    """One candidate of a search: a method trained with its settings and evaluated on validation data."""

    settings: tuple[str, ...]
    """Changes to the preset, as `name=value`."""
    validation_map: float | None
    """MAP on validation data, averaged over both directions; None if training failed."""
    seconds: float
    """Training time, without encoding."""
    peak_megabytes: float | None
    """Peak memory of the process, features included; None if the system does not report it."""
    error: str = ""
    """Why training failed."""
    validation: float | None = None
    """The metric on validation data by which the candidate is chosen; None if it is the MAP."""

    @property
    def figure(self) -> float | None:
        """The metric by which the candidate is chosen; None if training failed."""
        return self.validation_map if self.validation is None else self.validation


@dataclass(frozen=True)
class Cell:
    """A method on a split: its search, the chosen candidate, and the results of each test query."""

    method: str
    preset: str
    data: str
    split_seed: int | None
    """None for the data set's own splits."""
    fits: tuple[Fit, ...]
    chosen: int
    """Index in `fits` of the best candidate on validation data."""
    run: str
    """Folder of the chosen run, relative to the benchmark's."""
    config: Mapping[str, Any]
    """The chosen run's whole config, versions included."""
    figures: Mapping[str, Any]
    """Its metrics, as in `diptych evaluate`."""
    chance: Mapping[str, float]
    """Expected MAP of a random order, by direction."""
    ids: tuple[str, ...]
    """The pairs' ids: picture k belongs to pair `ids[k]`, and so does text k unless `owner` says otherwise."""
    categories: tuple[tuple[str, ...], ...]
    """The categories of each pair."""
    ap: Mapping[str, Sequence[float | None]]
    """Average precision of each query, by direction; None for a query without relevant items."""
    curve: Mapping[str, Sequence[float]]
    """Mean precision at the recalls 0, .01, ..., 1, by direction."""
    rank: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    """Rank of each query's best partner, by direction; empty in older benchmarks."""
    owner: tuple[int, ...] = ()
    """The index in `ids` of each text's pair; empty if text k belongs to pair k."""
    posteriors: bool = False
    """Whether posteriors of the categories have a share in the similarity, chosen on validation data."""

    @property
    def name(self) -> str:
        """The method's name in tables: `mcsm`, `mcsm:paper` for another preset, `mcsm+posteriors`."""
        return row_name(self.method, self.preset, posteriors=self.posteriors)

    @property
    def best(self) -> Fit:
        """The fit that was chosen on validation data."""
        return self.fits[self.chosen]

    def average_precision(self, direction: str) -> Float[np.ndarray, " q"]:
        """Return each query's average precision; NaN for a query without relevant items."""
        return np.array([np.nan if value is None else value for value in self.ap[direction]])

    def pairs(self, direction: str) -> tuple[int, ...]:
        """Return the index of each query's pair."""
        own = self.owner if direction == "text_to_image" else ()
        return own or tuple(range(len(self.ids)))

    def write(self, file: Path) -> None:
        """Write the cell as JSON."""
        write_json(file, asdict(self))

    @classmethod
    def read(cls, file: Path) -> "Cell":
        """Return the cell in a file."""
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            fits = tuple(Fit(**{**fit, "settings": tuple(fit["settings"])}) for fit in value.pop("fits"))
            ids, categories = tuple(value.pop("ids")), tuple(tuple(own) for own in value.pop("categories"))
            owner = tuple(value.pop("owner", ()))
            return cls(fits=fits, ids=ids, categories=categories, owner=owner, **value)
        except (ValueError, KeyError, TypeError) as error:
            raise BadCheckpoint(
                f"{file} must hold a benchmark's cell ({error!r}). Remove it and repeat the command."
            ) from None


def row_name(method: str, preset: str, *, posteriors: bool = False) -> str:
    """Return the name of a method and preset in tables.

    >>> row_name("mcsm", "default"), row_name("mcsm", "paper"), row_name("cca", "default", posteriors=True)
    ('mcsm', 'mcsm:paper', 'cca+posteriors')
    """
    return (method if preset == "default" else f"{method}:{preset}") + "+posteriors" * posteriors


def split_name(seed: int | None) -> str:
    """Return the name of a split: its seed, or `official` for the data set's own."""
    return "official" if seed is None else str(seed)
