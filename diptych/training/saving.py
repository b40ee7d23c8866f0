"""The weights of a run in its folder: those of the method, and of the encoders' blocks that have learnt with it."""

from dataclasses import asdict

from torch import nn

from diptych.encoders.tensor_files import load_tensors, save_tensors
from diptych.training.checkpoints import adopt
from diptych.training.run_folder import RunFolder
from diptych.training.tuned_method import TunedMethod


def save_weights(model: nn.Module, folder: RunFolder, *, epoch: int) -> None:
    """Write the weights of a model after an epoch; those of the method last."""
    if isinstance(model, TunedMethod):
        for modality, base in model.bases.items():
            save_tensors(folder.encoder_files[modality], model.tops[modality].state_dict(), asdict(base))
    save_tensors(folder.model_file, method_of(model).state_dict(), {"epoch": epoch})


def adopt_weights(model: nn.Module, folder: RunFolder) -> None:
    """Load the weights that `save_weights` has written."""
    if isinstance(model, TunedMethod):
        for modality in model.bases:
            file = folder.encoder_files[modality]
            adopt(model.tops[modality], load_tensors(file)[0], source=file)
    adopt(method_of(model), load_tensors(folder.model_file)[0], source=folder.model_file)


def method_of(model: nn.Module) -> nn.Module:
    """Return the method itself, without the blocks of encoders."""
    return model.method if isinstance(model, TunedMethod) else model  # type: ignore[return-value]
