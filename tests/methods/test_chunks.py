"""A batch that is represented in chunks: the same losses and gradients, and little is kept for them."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.maths.dropout import Dropout
from diptych.methods import ROOM
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod
from diptych.settings import override
from diptych.training.objective import objective

from .features import random_features

PAIRS = 10


@dataclass
class Step:
    """What a step gives, and what its forward pass keeps."""

    losses: dict[str, Tensor]
    gradients: dict[str, Tensor]
    kept: int
    after: Tensor = field(default_factory=lambda: torch.rand(1))
    """The next number of torch's generator."""


def step(method: str, preset: str, chunk: int, *settings: str, features: Features | None = None) -> Step:
    module = ROOM.open(method)
    features = features or random_features(24, texts=2, seed=3)
    torch.manual_seed(1)
    model = cast("nn.Module", module.Model.fitted(override(module.PRESETS[preset], settings), features)).train()
    batch = Batch.of(features, list(range(PAIRS)), parts=cast("GradientMethod", model).reads_parts)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    torch.manual_seed(2)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        losses = objective(cast("GradientMethod", model), batch, torch.Generator().manual_seed(5), chunk=chunk)
    torch.stack(list(losses.values())).sum().backward()
    gradients = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    return Step({name: value.detach() for name, value in losses.items()}, gradients, sum(kept.values()))


@pytest.mark.parametrize(
    ("method", "preset"),
    [
        ("mcsm", "default"),
        ("deep-sm", "default"),
        ("dcca", "default"),
        ("corr-ae", "full"),
        ("cmdn", "default"),
        ("dual-encoder", "default"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 3, 10, 64])
def test_chunks_change_neither_losses_nor_gradients_nor_what_is_drawn_next(
    method: str, preset: str, chunk: int
) -> None:
    settings = {"dcca": ("dimensions=3",), "cmdn": ("code=6", "joint=5", "separate=6", "shared=[5,4]")}.get(method, ())
    whole, chunked = (step(method, preset, size, *settings) for size in (0, chunk))
    assert torch.equal(whole.after, chunked.after)
    for wanted, found in ((whole.losses, chunked.losses), (whole.gradients, chunked.gradients)):
        assert wanted.keys() == found.keys()
        largest = max(float(value.abs().max()) for value in wanted.values())
        for name, value in wanted.items():
            torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5 * largest)


def test_the_forward_pass_keeps_little_of_chunks() -> None:
    narrow = ("visual.width=64", "textual.width=64")
    whole, chunked = (step("mcsm", "default", size, *narrow) for size in (0, 1))
    assert chunked.kept < whole.kept / 3


def test_a_chunk_draws_the_dropout_of_its_own_rows_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    masks: list[Tensor] = []
    factors = Dropout._factors

    def noted(self: Dropout, values: Tensor) -> Tensor:
        masks.append(factors(self, values))
        return masks[-1]

    monkeypatch.setattr(Dropout, "_factors", noted)
    step("dual-encoder", "default", 0, "image_tower.input_dropout=0.5")
    whole = list(masks)
    masks.clear()
    step("dual-encoder", "default", 4, "image_tower.input_dropout=0.5")
    forward, again = masks[: 3 * len(whole)], masks[3 * len(whole) :]
    for k, mask in enumerate(whole):
        assert torch.equal(torch.cat(forward[k :: len(whole)]), mask)
    assert sorted(str(mask.tolist()) for mask in again) == sorted(str(mask.tolist()) for mask in forward)


def test_a_method_that_normalises_over_the_batch_refuses_chunks() -> None:
    stages: Any = ("textual.fragments=[[8,3,2],[6,3,1]]", "visual.hidden=6", "textual.hidden=6")
    with pytest.raises(BadSetting, match=r"batch normalisation takes its mean\. Set training\.chunk=0, or leave"):
        step("mcsm", "paper", 4, *stages)
    assert step("mcsm", "paper", 0, *stages).losses


def test_a_negative_chunk_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"training\.chunk must not be negative; got -1\. 0 turns it off\."):
        override(ROOM.open("mcsm").PRESETS["default"], ["training.chunk=-1"])
