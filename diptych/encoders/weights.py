"""Read weight files, unpickling only tensors."""

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from diptych.errors import BadCheckpoint


def read_state(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a `.safetensors` file or in a state dict saved by torch."""
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise BadCheckpoint(f"{path} cannot be read as weights ({type(error).__name__}). Copy it again.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise BadCheckpoint(f"{path} must hold a state dict: names and tensors. Save model.state_dict() from torch.")
    return state


def fit_state(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Load tensors into a network; all names and shapes must match."""
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise BadCheckpoint(f"{path} is not a weight file for this network. {first}") from error


def network_digest(network: nn.Module) -> str:
    """Return the SHA-256 of all named parameters and buffers, for networks that have no single weight file."""
    total = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        total.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
