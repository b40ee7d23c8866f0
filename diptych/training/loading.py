"""Load a finished run."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from diptych.encoders.contract import Encoder
from diptych.encoders.given import Given
from diptych.encoders.lazy import LazyEncoders
from diptych.encoders.passed import EncoderLike, Passed
from diptych.encoders.tensor_files import load_tensors
from diptych.errors import BadCheckpoint, BadSetting
from diptych.files import json_of
from diptych.methods.contract import Method
from diptych.methods.module import open_method
from diptych.modality import MODALITIES, Modality
from diptych.settings import revive
from diptych.training.checkpoints import adopt, check_shapes
from diptych.training.processes import best_device
from diptych.training.run_config import EncoderRecord
from diptych.training.run_folder import RunFolder, differences


def load_model(folder: RunFolder) -> Method:
    """Return the model of a finished run, on the best device and ready to embed."""
    config, result = folder.config(), folder.result()
    module = open_method(config.method)
    chosen: Any = revive(module.Config, renamed(config.settings))
    tensors = load_tensors(folder.model_file)[0]
    _check_size(lambda: module.Model(chosen, module.Widths(**result.widths)), tensors, folder.model_file)
    model: Any = module.Model(chosen, module.Widths(**result.widths))
    adopt(model, tensors, source=folder.model_file)
    if chosen.posteriors.share and result.classes:
        from diptych.methods.posteriors import WithPosteriors

        widths: dict[str, int] = {
            side: result.widths.get(f"{side}_whole") or result.widths[side] for side in MODALITIES
        }
        model = WithPosteriors(chosen.posteriors, model, widths=widths, classes=len(result.classes))
        if not model.own:
            adopt(model.classifiers, load_tensors(folder.posteriors_file)[0], source=folder.posteriors_file)
    loaded: Method = model.to(best_device()).eval()
    return loaded


def _check_size(build: Callable[[], Any], tensors: Mapping[str, Tensor], file: Path) -> None:
    """Refuse weights of another shape before a model of that size takes memory."""
    try:
        with torch.device("meta"):
            imagined = build()
    except (TypeError, RuntimeError, OverflowError) as error:
        raise BadCheckpoint(
            f"{file.parent} holds no model that can be built from its settings and widths ({error}). Copy it again, "
            "or train again."
        ) from None
    check_shapes(imagined, tensors, source=file)


def renamed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run under their present names.

    >>> renamed({"class_share": 0.7, "class_temperature": 1.5, "fusion": "sum"})
    {'fusion': 'sum', 'posteriors': {'share': 0.7, 'temperature': 1.5}}
    """
    if "class_share" not in settings:
        return dict(settings)
    kept = {name: value for name, value in settings.items() if name not in ("class_share", "class_temperature")}
    return {**kept, "posteriors": {"share": settings["class_share"], "temperature": settings["class_temperature"]}}


def load_encoders(folder: RunFolder, passed: Passed = MappingProxyType({})) -> LazyEncoders:
    """Return a run's encoders; opening one that has changed since training raises `BadCheckpoint`.

    Those `passed` take the place of the recorded ones, which must have been the same.
    """
    trained, tuned = folder.config().encoders, folder.tuned

    def admit(modality: str, encoder: Encoder | Given) -> None:
        if modality in tuned:
            return  # it compares the network that it belongs to by itself
        recorded = trained.image if modality == "image" else trained.text
        present = EncoderRecord.of(recorded.name, encoder)
        if changed := differences(json_of(recorded), json_of(present), prefix=f"{modality}."):
            raise BadCheckpoint(
                f"{folder.path} was trained with other encoders ({changed[0]}). Restore their weights, or train again."
            )

    def opened_from(modality: Modality, recorded: EncoderRecord) -> EncoderLike:
        if modality not in tuned:
            return passed.get(modality) or recorded.name
        if modality in passed:
            raise BadSetting(f"{folder.path} holds the {modality} network that it has tuned. Omit {modality}_encoder.")
        return f"run:{folder.path.absolute()}"

    see, read = (opened_from(m, record) for m, record in zip(MODALITIES, trained.both, strict=True))
    settings = [each for each in trained.settings if each.partition("_")[0] not in tuned]
    return LazyEncoders((see, read), settings, admit=admit)
