"""Weights and an optimiser's moments, as named tensors, to a model and back."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from diptych.errors import BadCheckpoint


def adopt(model: nn.Module, tensors: Mapping[str, Tensor], *, source: Path) -> None:
    """Load weights into a model; raise `BadCheckpoint` for the first weight that does not fit."""
    check_shapes(model, tensors, source=source)
    model.load_state_dict(dict(tensors))


def check_shapes(model: nn.Module, tensors: Mapping[str, Tensor], *, source: Path) -> None:
    """Raise `BadCheckpoint` for the first weight whose shape is not that of the model, which may be on `meta`."""
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(wanted.keys() | given.keys()):
        if wanted.get(name) != given.get(name):
            raise BadCheckpoint(
                f"{source}: weight {name!r} must be {wanted.get(name, 'absent')}; got {given.get(name, 'nothing')}. "
                "These weights belong to a model with other settings."
            )


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimiser's moments as named tensors."""
    state = optimiser.state_dict()["state"]
    return {f"optimiser/{k}/{name}": torch.as_tensor(v) for k, values in state.items() for name, v in values.items()}


def adopt_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Restore an optimiser's moments from `optimiser_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if key.startswith("optimiser/"):
            _, number, name = key.split("/")
            state.setdefault(int(number), {})[name] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
