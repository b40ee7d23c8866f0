"""The training state in a checkpoint besides the weights, and resuming from it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from diptych.encoders.tensor_files import load_tensors
from diptych.methods.recipe import Recipe
from diptych.training.checkpoints import adopt, adopt_optimiser
from diptych.training.run_folder import RunFolder


@dataclass
class TrainingState:
    """The state of a training after an epoch."""

    epoch: int = 0
    best: float | None = None
    """The best validation metric so far."""
    best_epoch: int = 0

    def goes_on(self, recipe: Recipe) -> bool:
        """Return whether another epoch follows: epochs are left and patience is not exhausted."""
        patience = recipe.patience * recipe.validate_every
        return self.epoch < recipe.epochs and not (patience and self.epoch - self.best_epoch >= patience)

    def advance(self, validation: float | None) -> bool:
        """Record an epoch and its validation metric, if any; return whether it is the best so far."""
        self.epoch += 1
        if validation is None or (self.best is not None and validation <= self.best):
            return False
        self.best, self.best_epoch = validation, self.epoch
        return True

    def kept(self, recipe: Recipe) -> int:
        """Return the epoch whose weights the run keeps."""
        return self.best_epoch if recipe.keep == "best" else self.epoch


def resumed(
    model: nn.Module, optimiser: torch.optim.Optimizer, folder: RunFolder
) -> tuple[TrainingState, list[dict[str, Any]]]:
    """Load the folder's checkpoint; return its training state and the metrics up to it.

    Without a checkpoint, return the initial state.
    """
    if not folder.checkpoint_file.exists():
        return TrainingState(), []
    tensors, stored = load_tensors(folder.checkpoint_file)
    weights = {key.removeprefix("model/"): tensor for key, tensor in tensors.items() if key.startswith("model/")}
    adopt(model, weights, source=folder.checkpoint_file)
    adopt_optimiser(optimiser, tensors)
    state = TrainingState(**stored)
    return state, folder.metrics()[: state.epoch]
