"""One training run: its folder, seed, processes, validation and callbacks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from diptych.fusion.record import ChosenRule
from diptych.methods.contract import Method
from diptych.progress import Progress
from diptych.relevance import Relevant
from diptych.training.processes import ALONE, Processes
from diptych.training.run_folder import RunFolder

MetricsCallback = Callable[[Mapping[str, Any]], None]
"""Called after each epoch with its metrics."""


@runtime_checkable
class Validator(Protocol):
    """Evaluates a model on validation data only."""

    @property
    def relevant(self) -> Relevant:
        """What counts as right, which decides the metric."""
        ...

    def validate(self, model: Method) -> float:
        """Return the validation metric after an epoch; higher is better."""
        ...

    def choose_fusion(self, model: Method) -> Mapping[str, ChosenRule]:
        """Return the best weight of each fusion rule, by name; empty for a model with a single space."""
        ...


@dataclass(frozen=True)
class TrainingRun:
    """The context of a training. Only the first process writes files and reports progress."""

    folder: RunFolder
    seed: int = 0
    processes: Processes = ALONE
    progress: Progress | None = None
    callbacks: tuple[MetricsCallback, ...] = ()

    def report(self, done: int, total: int, label: str) -> None:
        """Report the progress of the training."""
        if self.progress and self.processes.leads:
            self.progress(done, total, label)
