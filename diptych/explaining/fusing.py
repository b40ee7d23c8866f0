"""Fuse the similarities of one pair, with the statistics of a reference kept fixed.

Rules that normalise over a gallery need one for a single pair too: its statistics come from a reference, such as the
pictures of a collection, and stay fixed while parts are removed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served

STEP = 1e-4
"""Step of the central differences in a similarity."""


@dataclass(frozen=True)
class Fusing:
    """How the similarities of one pair are fused."""

    rule: str | None
    """The rule's name; None with a single space."""
    weight: float | None
    """The visual space's weight, if the rule has one."""
    reference: str | None
    """The items over which the rule normalises, or the reason why it cannot fuse a single pair."""
    served: Served | None
    """The rule with the reference's statistics; None with a single space, or for a rule that only ranks."""

    @classmethod
    def by(
        cls, rule: FusionRule | None, name: str, over: Callable[[FusionRule], tuple[Served | None, str]]
    ) -> "Fusing":
        """Return the fusion by a rule; None with a single space.

        `over` returns the rule served over a reference, and a description of the reference or why there is none; it is
        not called for a rule that ranks.
        """
        if rule is None:
            return NOTHING_FUSED
        weight: float | None = getattr(rule, "weight", None)
        if rule.wants is None:
            return cls(name, weight, f"{name} ranks items and cannot score a single pair.", None)
        served, reference = over(rule)
        return cls(name, weight if served else None, reference, served)

    def as_record(self) -> dict[str, Any]:
        """Return the rule, its weight and its reference."""
        return {"rule": self.rule, "weight": self.weight, "reference": self.reference}


NOTHING_FUSED = Fusing(None, None, None, None)
"""For a single space, whose similarity is the fused one."""


def fused(served: Served, visual: Float[Tensor, " b"], textual: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Return the fused similarities, with gradients by central differences, as rules do not run in torch."""
    similarities: Float[Tensor, " b"] = _Fused.apply(served, visual, textual)  # type: ignore[no-untyped-call]
    return similarities


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, served: Served, visual: Tensor, textual: Tensor) -> Tensor:
        ctx.served = served
        ctx.save_for_backward(visual, textual)
        return _scored(served, visual, textual)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, Tensor]:
        (gradient,) = gradients
        visual, textual = (each.double() for each in ctx.saved_tensors)
        by_visual = _scored(ctx.served, visual + STEP, textual) - _scored(ctx.served, visual - STEP, textual)
        by_textual = _scored(ctx.served, visual, textual + STEP) - _scored(ctx.served, visual, textual - STEP)
        slope = gradient / (2 * STEP)
        return None, slope * by_visual.to(slope.dtype), slope * by_textual.to(slope.dtype)


def _scored(served: Served, visual: Tensor, textual: Tensor) -> Tensor:
    scores = served.score(*(each.detach().cpu().double().numpy() for each in (visual, textual)))
    return torch.from_numpy(scores).to(visual)
