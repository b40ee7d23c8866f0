"""The choices of fusion rules and weights of a training on validation data."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ChosenRule:
    """A fusion rule with its best weight on validation data."""

    weight: float | None
    """None for a rule without a weight."""
    validation_map: float
    """Its validation MAP, averaged over both directions."""


@dataclass(frozen=True)
class FusionRecord:
    """The fusion rule of a run, and the chosen weight of every rule."""

    rule: str
    """The run's own rule."""
    chosen_on: str
    """The split on which the weights were chosen."""
    rules: Mapping[str, ChosenRule]
    """By the rule's name; empty with a single space."""

    def weight(self, name: str) -> float | None:
        """Return the chosen weight of a rule; None if it has none."""
        return self.rules[name].weight if name in self.rules else None
