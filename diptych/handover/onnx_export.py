"""Writing a run as ONNX: a graph for pictures and one for texts, and a description of what comes before them."""

import io
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import nn

import diptych
from diptych.data.pictures import SVG_SIDE
from diptych.encoders.cache import signature
from diptych.encoders.contract import Encoder
from diptych.encoders.lazy import LazyEncoders
from diptych.encoders.minilm import MiniLM
from diptych.encoders.run import TunedEncoder
from diptych.entrance import checks_arguments
from diptych.errors import BadSetting
from diptych.extras import require
from diptych.files import write_json, written_atomically
from diptych.handover.contents import encoder_without_folders
from diptych.handover.exported import DESCRIPTION, FORMAT, TOKENIZER
from diptych.handover.tower_graphs import FromFeatures, TowerGraph, TowerInput, tower_input
from diptych.methods.contract import Method
from diptych.modality import MODALITIES, Modality
from diptych.training.run_config import RunConfig, RunResult

TOLERANCE = 1e-4
"""The most by which a number of a graph's vectors may differ from torch's."""
OPSET = 17
"""The version of ONNX's operators."""
TRIALS = ((1, 9), (3, 5), (4, 40))
"""Batch sizes and lengths at which a graph is compared with torch."""


class ExportsTowers(ABC):
    """Writes the towers of a run as ONNX."""

    model: Method
    config: RunConfig

    @property
    @abstractmethod
    def encoders(self) -> LazyEncoders:
        """The encoders that the method was trained on."""

    @property
    @abstractmethod
    def result(self) -> RunResult:
        """The choices that the run made on validation data."""

    @checks_arguments
    def export_onnx(self, folder: str | Path) -> Path:
        """Write the run as ONNX, `image.onnx`, `text.onnx` and `towers.json`, and return the folder.

        Each graph gives the vectors of every space. It begins at pixels or tokens if the encoder is a network that can
        be traced, otherwise at the encoder's features; `towers.json` says which, why, and what comes before: resizing,
        tokens, encoders. Both are compared with torch on random inputs of several sizes and lengths, and agree to
        1e-4. `diptych.handover.exported.ExportedModel` reads the folder without torch.
        """
        folder = Path(folder)
        if folder.exists() and (
            not folder.is_dir() or (any(folder.iterdir()) and not (folder / DESCRIPTION).is_file())
        ):
            raise BadSetting(f"{folder} holds other things than an exported run. Name an empty folder.")
        if not isinstance(self.model, nn.Module):
            raise BadSetting(f"{self.config.method} is no network of torch and cannot be written as ONNX.")
        _, runtime = (require(each, extra="onnx", wanted_by="runs as ONNX") for each in ("onnx", "onnxruntime"))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DESCRIPTION).unlink(missing_ok=True)
        method = cast("Method", deepcopy(self.model).cpu().eval())
        sides = {modality: self._exported(method, modality, folder, runtime) for modality in MODALITIES}
        fusion = self.result.fusion
        told: dict[str, Any] = {
            "format": FORMAT,
            "diptych": diptych.__version__,
            "method": self.config.method,
            "spaces": dict(method.space_widths),
            "fusion": {"rule": fusion.rule, "weight": fusion.weight(fusion.rule)} if len(method.spaces) > 1 else None,
            **{str(modality): side for modality, side in sides.items()},
        }
        write_json(folder / DESCRIPTION, told)
        return folder

    def _exported(self, method: Method, modality: Modality, folder: Path, runtime: Any) -> dict[str, Any]:
        """Write the graph of one modality, from as early as it can begin, and return its description."""
        recorded = getattr(self.config.encoders, modality)
        told = {"file": f"{modality}.onnx", "encoder": encoder_without_folders(recorded.name)}
        told |= {"fingerprint": recorded.fingerprint or ""}
        reason, encoder = "", self.encoders[modality]
        beginning = tower_input(encoder, modality)
        if beginning is not None:
            try:
                difference = written(TowerGraph(method, modality, beginning), folder / told["file"], runtime)
                return {**told, **described(beginning, encoder, folder), "largest_difference": difference}
            except Exception as error:  # networks of other libraries fail in their own ways when they are traced
                reason = f"this network cannot be traced: {_first_line(error)}"
        features = self._features(method, modality)
        try:
            difference = written(TowerGraph(method, modality, features), folder / told["file"], runtime)
        except Exception as error:  # the exporter's and the runtime's exceptions share no other root
            raise BadSetting(
                f"{self.config.method} with these settings cannot be written as ONNX: {_first_line(error)}. Hand the "
                "run over with --pretrained."
            ) from error
        reason = reason or f"{told['encoder']} is no network that can be traced"
        return {**told, **described(features, encoder, folder), "reason": reason, "largest_difference": difference}

    def _features(self, method: Method, modality: Modality) -> FromFeatures:
        widths = self.result.widths
        whole = widths.get(f"{modality}_whole") or widths[modality]
        takes = any(method.takes_parts(space, modality) for space in method.spaces)
        return FromFeatures(parts=widths[f"{modality}_parts"] if takes else None, whole=whole)


def written(tower: TowerGraph, file: Path, runtime: Any) -> float:
    """Write a tower as ONNX; return the largest difference of its vectors from torch's, `ValueError` if too large."""
    generator = torch.Generator().manual_seed(0)
    beginning = tower.beginning
    example = beginning.example(2, 7, generator)
    graph = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # what the exporter says of tracing is checked below
        torch.onnx.export(
            tower.eval(),
            example,
            cast("Any", graph),  # it takes an open file too
            input_names=list(beginning.inputs),
            output_names=list(tower.spaces),
            dynamic_axes={**beginning.open_axes(), **{space: {0: "b"} for space in tower.spaces}},
            opset_version=OPSET,
            dynamo=False,
        )
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what fails is told by an exception
    session = runtime.InferenceSession(graph.getvalue(), options, providers=["CPUExecutionProvider"])
    wanted = [each.name for each in session.get_inputs()]

    def run(inputs: Sequence[torch.Tensor]) -> list[np.ndarray]:
        named = {name: each.numpy() for name, each in zip(beginning.inputs, inputs, strict=True) if name in wanted}
        found: list[np.ndarray] = session.run(list(tower.spaces), named)
        return found

    difference = max(compared(tower, run, beginning.example(*sizes, generator)) for sizes in TRIALS)
    if difference > TOLERANCE:
        raise ValueError(f"its graph differs from torch by {difference:.1g}")
    with written_atomically(file) as temporary:
        temporary.write_bytes(graph.getvalue())
    return difference


def compared(
    tower: TowerGraph, run: Callable[[Sequence[torch.Tensor]], list[np.ndarray]], inputs: Sequence[torch.Tensor]
) -> float:
    """Return the largest difference of a graph's vectors from torch's for these inputs."""
    with torch.no_grad():
        expected = tower(*inputs)
    found = run(inputs)
    return max(float(np.abs(own.numpy() - other).max()) for own, other in zip(expected, found, strict=True))


def described(beginning: TowerInput, encoder: Any, folder: Path) -> dict[str, Any]:
    """Return where a graph begins and what comes before it; write what is needed for that."""
    axes = beginning.open_axes()
    shapes = {
        name: {"type": str(each.dtype).removeprefix("torch."), "shape": _shape(each, axes[name])}
        for name, each in zip(beginning.inputs, beginning.example(2, 7, torch.Generator()), strict=True)
    }
    told = {"begins_at": beginning.begins_at, "inputs": shapes}
    if beginning.begins_at == "pixels":
        return {**told, "before": {"side": shapes["pixels"]["shape"][1], "resampling": "bicubic", **PIXELS}}
    if beginning.begins_at == "tokens":
        return {**told, "before": _tokens(encoder, folder)}
    return {**told, "before": {"features": signature(encoder) if isinstance(encoder, Encoder) else "given"}}


PIXELS = {
    "fit": "squeezed into the square, without cropping",
    "mode": "RGB, 8 bits; transparency becomes white, the picture is turned upright by its EXIF orientation",
    "scaling": "in the graph",
    "svg_side": SVG_SIDE,
}
"""What is done to a picture before a graph that begins at pixels."""


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _shape(example: torch.Tensor, opened: dict[int, str]) -> list[int | str]:
    return [opened.get(axis, size) for axis, size in enumerate(example.shape)]


def _tokens(encoder: Any, folder: Path) -> dict[str, Any]:
    """Write the tokenizer beside the graph, and return how texts become tokens."""
    network: Any = encoder.network if isinstance(encoder, TunedEncoder) else encoder
    if isinstance(network, MiniLM):
        tokenizer, longest, fill, fixed = network.tokenizer, network.config.tokens, 0, False
    else:
        library = network.tokenizer
        tokenizer, longest, fill, fixed = library.backend_tokenizer, network.longest, library.pad_token_id or 0, True
    with written_atomically(folder / TOKENIZER) as temporary:
        temporary.write_text(tokenizer.to_str(), encoding="utf-8")
    return {"tokenizer": TOKENIZER, "longest": longest, "padding": fill, "padded_to_longest": fixed}
