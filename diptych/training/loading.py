"""A finished run, back in memory."""

from typing import Any

from diptych.encoders.encoding import FeatureSource
from diptych.encoders.registry import open_encoders
from diptych.errors import BadCheckpoint
from diptych.methods import ROOM
from diptych.methods.contract import Method
from diptych.settings import revive
from diptych.training.checkpoints import adopt, load_tensors
from diptych.training.processes import best_device
from diptych.training.run_config import encoders_config
from diptych.training.run_folder import RunFolder, differences


def load_model(folder: RunFolder) -> Method:
    """Return the model that a finished run holds, on the best device and ready to place."""
    config, result = folder.config(), folder.result()
    module = ROOM.open(config["method"])
    model: Any = module.Model(revive(module.Config, config["settings"]), module.Widths(**result["widths"]))
    adopt(model, load_tensors(folder.model_file)[0], source=folder.model_file)
    loaded: Method = model.to(best_device()).eval()
    return loaded


def load_encoders(folder: RunFolder) -> tuple[FeatureSource, FeatureSource]:
    """Return the encoders of pictures and of texts that a run was trained on; `BadCheckpoint` where they changed."""
    asked = folder.config()["encoders"]
    names = (asked["image"]["name"], asked["text"]["name"])
    encoders = open_encoders(*names, asked["settings"])
    if changed := differences(asked, encoders_config(encoders, names=names, settings=asked["settings"])):
        raise BadCheckpoint(
            f"{folder.path} was trained on other encoders ({changed[0]}). Put their weights back, or train again."
        )
    return encoders
