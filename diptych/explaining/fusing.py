"""What a fusion makes of one pair, with what it knows of other items held still.

Rules that normalise over a gallery need one for a lone pair too: its statistics are taken from a reference, such as the
pictures of a collection, and do not move while parts are taken away.
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
"""To either side of a similarity, for the slope of the fused one."""


@dataclass(frozen=True)
class Fusing:
    """How the spaces' similarities of one pair become one."""

    rule: str | None
    """The rule's name; None with a single space."""
    weight: float | None
    """The visual space's weight, where the rule has one."""
    reference: str | None
    """Over what the rule normalises, or why it says nothing of one pair."""
    served: Served | None
    """The rule with the reference's statistics; None with a single space, or where the rule only ranks."""

    @classmethod
    def by(
        cls, rule: FusionRule | None, name: str, over: Callable[[FusionRule], tuple[Served | None, str]]
    ) -> "Fusing":
        """Return the fusion by a rule; None with a single space.

        `over` returns the rule as it scores over a reference, and what that is or why there is none; it is not asked
        about a rule that ranks.
        """
        if rule is None:
            return NOTHING_FUSED
        weight: float | None = getattr(rule, "weight", None)
        if rule.wants is None:
            return cls(name, weight, f"{name} ranks items, and says nothing of one pair alone.", None)
        served, reference = over(rule)
        return cls(name, weight if served else None, reference, served)

    def as_record(self) -> dict[str, Any]:
        """Return the rule, its weight and its reference."""
        return {"rule": self.rule, "weight": self.weight, "reference": self.reference}


NOTHING_FUSED = Fusing(None, None, None, None)
"""Of a single space: its similarity is the fused one."""


def fused(served: Served, visual: Float[Tensor, " b"], textual: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Return the fused similarities, with gradients by central differences: rules compute outside of torch."""
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
