"""Dropout from random bytes."""

import pytest
import torch

from diptych.maths.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_share_asked_for_is_dropped_and_the_mean_stays(share: float) -> None:
    torch.manual_seed(0)
    dropped = Dropout(share)(torch.ones(400, 1001))
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.005)
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.01)
    assert len(dropped.unique()) == 2


def test_neighbouring_cells_are_dropped_independently() -> None:
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(2**18)) != 0).float()
    for apart in (1, 7, 8, 64):
        assert (kept[apart:] * kept[:-apart]).mean().item() == pytest.approx(0.25, abs=0.005)


def test_evaluation_and_a_share_of_zero_change_nothing() -> None:
    values = torch.randn(3, 5)
    assert Dropout(0.5).eval()(values) is values
    assert Dropout(0.0)(values) is values


def test_the_same_seed_drops_the_same_cells() -> None:
    dropout, values = Dropout(0.5), torch.randn(7, 11)
    torch.manual_seed(3)
    first = dropout(values)
    torch.manual_seed(3)
    assert torch.equal(dropout(values), first)
    assert not torch.equal(dropout(values), first)


def test_the_gradient_is_the_mask_and_its_scale() -> None:
    values = torch.ones(6, 9, requires_grad=True)
    dropped = Dropout(0.25)(values)
    dropped.sum().backward()
    assert torch.equal(values.grad, dropped.detach())
    assert dropped.unique().tolist() == pytest.approx([0.0, 1 / 0.75])


def test_alike_drops_the_same_components_in_all_parts_of_an_item_and_others_in_other_items() -> None:
    torch.manual_seed(0)
    dropped = Dropout(0.5, alike=True)(torch.ones(200, 7, 64))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    same = (dropped[1:, 0] == dropped[:-1, 0]).float().mean().item()
    assert same == pytest.approx(0.5, abs=0.02)


def test_a_share_near_one_still_keeps_some_cells() -> None:
    dropped = Dropout(0.999)(torch.ones(100_000))
    assert torch.isfinite(dropped).all()
    assert dropped.any()
