"""What a training chose of the fusion rules on validation data."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ChosenRule:
    """A fusion rule with the weight under which validation items are retrieved best."""

    weight: float | None
    """None for a rule without a weight."""
    validation_map: float
    """The mean of both directions' MAP that it reaches there."""


@dataclass(frozen=True)
class FusionRecord:
    """Which fusion rule a run asks for, and what was chosen of every rule."""

    rule: str
    """The run's own rule."""
    chosen_on: str
    """The split whose items the weights were chosen on."""
    rules: Mapping[str, ChosenRule]
    """By the rule's name; empty with a single space, where there is nothing to fuse."""

    def weight(self, name: str) -> float | None:
        """Return the weight that was chosen for a rule; None where there is none."""
        return self.rules[name].weight if name in self.rules else None
