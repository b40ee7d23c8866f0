"""One run: where it is kept, what it draws from, who computes it, who judges it, and who is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from diptych.fusion.record import ChosenRule
from diptych.methods.contract import Method
from diptych.progress import Progress
from diptych.training.processes import ALONE, Processes
from diptych.training.run_folder import RunFolder

MetricsCallback = Callable[[Mapping[str, Any]], None]
"""Called with the metrics of each epoch when it has ended."""


@runtime_checkable
class Validator(Protocol):
    """Judges a model, and looks at no more than validation data."""

    def validate(self, model: Method) -> float:
        """Return how good the model is after an epoch; more is better."""
        ...

    def choose_fusion(self, model: Method) -> Mapping[str, ChosenRule]:
        """Return by name what is best of each fusion rule at the end; nothing for a model with a single space."""
        ...


@dataclass(frozen=True)
class TrainingRun:
    """What all of a training needs beside the model and the data. Only the first process writes, and tells anyone."""

    folder: RunFolder
    seed: int = 0
    processes: Processes = ALONE
    progress: Progress | None = None
    callback: MetricsCallback | None = None

    def report(self, done: int, total: int, label: str) -> None:
        """Say how far the training is."""
        if self.progress and self.processes.leads:
            self.progress(done, total, label)
