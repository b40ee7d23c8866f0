"""The facade over the training runs in a folder: their summaries and training histories."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diptych.errors import DiptychError, UnknownName
from diptych.relevance import VALIDATION
from diptych.training.run_folder import RunFolder

UNREADABLE = (DiptychError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What reading the files of a broken folder may raise."""


@dataclass(frozen=True)
class Run:
    """One run, finished or still training."""

    name: str
    method: str
    preset: str
    data: str
    seed: int
    finished: bool
    epochs: int
    """Epochs so far; 0 for a method in closed form."""
    validation_map: float | None
    """The best validation MAP so far; None if another metric is watched."""
    metric: str
    """The name of the validation metric."""
    validation: float | None
    """Its best value so far."""


def entries(folder: Path, *, report: Callable[[str, Exception], None] = lambda name, error: None) -> list[Run]:
    """Return the runs directly in a folder, ordered by name; other folders are skipped.

    A run whose files cannot be read is left out, and `report` receives its name and the error.
    """
    runs = []
    for name, path in _folders(folder).items():
        try:
            runs.append(_entry(path))
        except UNREADABLE as error:
            report(name, error)
    return runs


def history(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the metrics of each epoch of a run: losses by name, validation metric, learning rate, seconds."""
    folders = _folders(folder)
    if name not in folders:
        raise UnknownName.among("runs", name, folders)
    return RunFolder(folders[name]).metrics()


def _folders(folder: Path) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/config.json"))}


def _entry(path: Path) -> Run:
    run = RunFolder(path)
    config, metrics = run.config(), run.metrics()
    key, metric = VALIDATION[config.relevant]
    best = max((line[key] for line in metrics if line[key] is not None), default=None)
    return Run(
        name=path.name,
        method=config.method,
        preset=config.preset,
        data=config.data.name,
        seed=config.seed,
        finished=run.finished,
        epochs=len(metrics),
        validation_map=best if key == "validation_map" else None,
        metric=metric,
        validation=best,
    )
