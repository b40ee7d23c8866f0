"""The facade over training runs that lie in one folder: which there are, and how training went."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diptych.errors import UnknownName
from diptych.training.run_folder import RunFolder


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
    """Epochs so far; 0 for a method that learns in closed form."""
    validation_map: float | None
    """The best so far."""


def entries(folder: Path) -> list[Run]:
    """Return the runs that lie directly in a folder, by name; what is no run is passed over."""
    return [_entry(path) for path in _folders(folder).values()]


def history(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return what a run wrote of each epoch: losses by name, validation figure, learning rate, seconds."""
    folders = _folders(folder)
    if name not in folders:
        raise UnknownName.among("runs", name, folders)
    return RunFolder(folders[name]).metrics()


def _folders(folder: Path) -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(folder.glob("*/config.json"))}


def _entry(path: Path) -> Run:
    run = RunFolder(path)
    config, metrics = run.config(), run.metrics()
    figures = [line["validation_map"] for line in metrics if line["validation_map"] is not None]
    return Run(
        name=path.name,
        method=config.method,
        preset=config.preset,
        data=config.data.name,
        seed=config.seed,
        finished=run.finished,
        epochs=len(metrics),
        validation_map=max(figures, default=None),
    )
