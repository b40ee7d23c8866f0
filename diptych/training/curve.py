"""The course of a training: its losses and its validation metric, epoch by epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from diptych.drawing.curves import training_curves
from diptych.drawing.shown import Shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class TrainingCurve(Shown):
    """The metrics of each epoch, as callbacks receive them and `metrics.jsonl` holds them."""

    epochs: tuple[Mapping[str, Any], ...]
    """Each with `epoch`, `losses` by name, the validation metric (`VALIDATION`), `learning_rate` and `seconds`."""

    @override
    def records(self) -> list[dict[str, Any]]:
        return [
            {"epoch": each["epoch"]}
            | {f"{name} loss": value for name, value in each["losses"].items()}
            | {name: value for name, value in each.items() if name not in ("epoch", "losses")}
            for each in self.epochs
        ]

    @override
    def plot(self) -> "Figure":
        return training_curves(self.epochs)
