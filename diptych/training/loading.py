"""A finished run, back in memory."""

from typing import Any

from diptych.methods import ROOM
from diptych.methods.contract import Method
from diptych.settings import revive
from diptych.training.checkpoints import adopt, load_tensors
from diptych.training.loop import best_device
from diptych.training.run_folder import RunFolder


def load_model(folder: RunFolder) -> Method:
    """Return the model that a finished run holds, on the best device and ready to place."""
    config, result = folder.config(), folder.result()
    module = ROOM.open(config["method"])
    model: Any = module.Model(revive(module.Config, config["settings"]), module.Widths(**result["widths"]))
    adopt(model, load_tensors(folder.model_file)[0], source=folder.model_file)
    loaded: Method = model.to(best_device()).eval()
    return loaded
