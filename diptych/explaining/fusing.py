"""What a fusion makes of one pair, with what it knows of other items held still.

Rules that normalise over a gallery need one for a lone pair too: its statistics are taken from a reference, such as the
pictures of a collection, and do not move while parts are taken away.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from diptych.fusion.contract import FusionRule
from diptych.fusion.serving import Served, Statistics

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
    def of(
        cls,
        rule: FusionRule,
        name: str,
        similarities: tuple[Float[np.ndarray, " g"], Float[np.ndarray, " g"]],
        *,
        reference: str,
    ) -> "Fusing":
        """Return the fusion by a rule, from a query's similarities with a reference gallery in both spaces."""
        if rule.wants is None:
            return cls.ranking(rule, name)
        statistics = [Statistics.of(space) for space in similarities]
        return cls(name, getattr(rule, "weight", None), reference, rule.served(*statistics))

    @classmethod
    def ranking(cls, rule: FusionRule, name: str) -> "Fusing":
        """Return the fusion by a rule that says nothing of one pair."""
        return cls(
            name, getattr(rule, "weight", None), f"{name} ranks items, and says nothing of one pair alone.", None
        )

    def as_record(self) -> dict[str, Any]:
        """Return the rule, its weight and its reference."""
        return {"rule": self.rule, "weight": self.weight, "reference": self.reference}


NOTHING_FUSED = Fusing(None, None, None, None)
"""Of a single space: its similarity is the fused one."""


def fused(served: Served, visual: Float[Tensor, " b"], textual: Float[Tensor, " b"]) -> Float[Tensor, " b"]:
    """Return the fused similarities, with gradients by central differences: rules compute outside of torch."""
    found: Float[Tensor, " b"] = _Fused.apply(served, visual, textual)  # type: ignore[no-untyped-call]
    return found


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
    found = served.score(*(each.detach().cpu().double().numpy() for each in (visual, textual)))
    return torch.from_numpy(found).to(visual)
