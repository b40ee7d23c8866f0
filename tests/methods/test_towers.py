"""Towers: their widths, their equation, their dropout and what they refuse."""

import pytest
import torch
from torch import nn

from diptych.errors import BadSetting
from diptych.methods.inputs import Widths
from diptych.methods.towers import Activation, Tower, TowerConfig, towers_of

ROWS = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))


def linears(tower: nn.Module) -> list[nn.Linear]:
    return [layer for layer in tower.modules() if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("hidden", [(), (7,), (7, 4)])
def test_a_tower_has_the_hidden_layers_it_is_asked_for(hidden: tuple[int, ...]) -> None:
    tower = Tower(5, 3, TowerConfig(hidden=hidden))
    assert [(layer.in_features, layer.out_features) for layer in linears(tower)] == list(
        zip((5, *hidden), (*hidden, 3), strict=True)
    )
    assert tower(ROWS).shape == (6, 3)


def test_without_hidden_layers_a_tower_is_linear() -> None:
    tower = Tower(5, 3, TowerConfig(hidden=(), dropout=0.9))
    (last,) = linears(tower)
    torch.testing.assert_close(tower(ROWS), ROWS @ last.weight.T + last.bias)


@pytest.mark.parametrize(
    ("activation", "function"),
    [("relu", torch.relu), ("gelu", nn.functional.gelu), ("tanh", torch.tanh)],
)
def test_an_activation_follows_each_hidden_layer_and_not_the_last(activation: Activation, function) -> None:
    tower = Tower(5, 3, TowerConfig(hidden=(7, 4), activation=activation)).eval()
    first, second, last = linears(tower)
    torch.testing.assert_close(tower(ROWS), last(function(second(function(first(ROWS))))))


def test_dropout_falls_on_inputs_and_hidden_outputs_while_training_only() -> None:
    for config in (TowerConfig(dropout=0.5), TowerConfig(dropout=0.0, input_dropout=0.5)):
        tower = Tower(5, 3, config)
        assert not torch.equal(tower(ROWS), tower(ROWS))
        tower.eval()
        assert torch.equal(tower(ROWS), tower(ROWS))
    still = Tower(5, 3, TowerConfig(dropout=0.0))
    assert torch.equal(still(ROWS), still(ROWS))


def test_both_modalities_get_a_tower_of_their_own_to_one_width() -> None:
    towers = towers_of(Widths(5, 4, 0), 3, image=TowerConfig(hidden=(7,)), text=TowerConfig(hidden=()))
    assert towers["image"](ROWS).shape == towers["text"](ROWS[:, :4]).shape == (6, 3)
    assert [len(linears(towers[modality])) for modality in ("image", "text")] == [2, 1]


def test_layers_without_width_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"hidden widths must be at least 1; got \[8, 0\]\. \[\] is a linear map"):
        TowerConfig(hidden=(8, 0))


@pytest.mark.parametrize("name", ["dropout", "input_dropout"])
@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_a_dropout_outside_its_range_is_refused(name: str, share: float) -> None:
    with pytest.raises(BadSetting, match=f"the {name} of a tower must be at least 0 and below 1; got {share}"):
        TowerConfig(**{name: share})
