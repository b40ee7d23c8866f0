"""A fused similarity of one pair, and its slopes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from diptych.explaining.fusing import Fusing, fused
from diptych.fusion.contract import FusionRule
from diptych.fusion.geometric import Rule as Geometric
from diptych.fusion.linear import Rule as Linear
from diptych.fusion.product import Rule as Product
from diptych.fusion.released import Rule as Released
from diptych.fusion.serving import Served, Statistics
from diptych.fusion.zscore import Rule as ZScore

GALLERY = np.array([0.1, 0.4, 0.9, 0.6]), np.array([-0.2, 0.7, 0.5, 0.1])


def over(reference: str) -> Callable[[FusionRule], tuple[Served, str]]:
    """Return what normalises over the gallery, by a name."""
    return lambda rule: (rule.served(*map(Statistics.of, GALLERY)), reference)


@pytest.mark.parametrize("rule", [Product(), Linear(0.3), ZScore(0.6), Geometric(0.4)])
def test_a_pair_of_the_reference_has_what_the_rule_gives_it_there(rule: FusionRule) -> None:
    fusing = Fusing.by(rule, "rule", over("four"))
    wanted = rule.fuse(GALLERY[0][None], GALLERY[1][None], queries="text")[0]
    assert fusing.served is not None
    found = fused(fusing.served, *(torch.from_numpy(space) for space in GALLERY))
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_slopes_of_the_product_are_the_literal_ones() -> None:
    served = Fusing.by(Product(), "product", over("four")).served
    assert served is not None
    visual, textual = (torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (0.3, 0.2))
    fused(served, visual, textual).sum().backward()
    assert visual.grad is not None
    assert textual.grad is not None
    assert visual.grad.item() == pytest.approx((0.2 + 0.2) / 0.9 + 0.2 / 0.8)
    assert textual.grad.item() == pytest.approx(0.3 / 0.9 + (0.3 - 0.1) / 0.8)


def test_a_record_names_rule_weight_and_reference() -> None:
    fusing = Fusing.by(Linear(0.3), "linear", over("four pictures"))
    assert fusing.as_record() == {"rule": "linear", "weight": 0.3, "reference": "four pictures"}


def test_a_rule_that_ranks_is_named_as_one() -> None:
    fusing = Fusing.by(Released(0.3), "released", over("four pictures"))
    assert fusing.served is None
    assert fusing.reference == "released ranks items and cannot score a single pair."
