"""Any image network in an ONNX file: `onnx:PATH`.

Objective: none. The size and order of the input (channels first or last) are read from the graph. An output with
four axes gives the regions, in the input's order of axes; one with two gives the whole. Without the latter the
whole is the mean of the regions. Widths are those that the graph declares for its outputs; if one is dynamic,
both are known after the first encoded picture.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from diptych.encoders.arguments import file_argument, import_extra
from diptych.encoders.contract import EncoderWidths, fingerprint_of
from diptych.encoders.vision import IMAGENET_MEAN, IMAGENET_STD, Grid, ImageNetwork, Triple, Wholes
from diptych.errors import BadCheckpoint, BadSetting
from diptych.files import file_digest
from diptych.rooms import Card
from diptych.settings import thread_count

CARD = Card(
    title="Any image network in an ONNX file",
    licence="that of the file",
    needs=("onnx",),
    learns="nothing",
)

VERSION = 1
CHANNELS = 3


@dataclass(frozen=True)
class Config:
    """Preprocessing of pictures: (x/255 - mean) / std."""

    side: int = 0
    """Side of the input square in pixels; 0 means the size declared by the graph."""
    mean: Triple = IMAGENET_MEAN
    """Mean of red, green and blue (each 0 to 1)."""
    std: Triple = IMAGENET_STD
    """Standard deviation of red, green and blue."""
    flip: bool = False
    """Average the features with those of the mirrored picture; takes twice as long."""


class Onnx(ImageNetwork):
    """A graph run by ONNX Runtime on the CPU."""

    def __init__(self, name: str, config: Config, path: Path, session: Any) -> None:
        self._session = session
        shape = session.get_inputs()[0].shape
        if len(shape) != 4 or CHANNELS not in (shape[1], shape[3]):
            raise BadCheckpoint(f"{path} must take pictures (b, 3, h, w) or (b, h, w, 3); its input is {shape}.")
        self._channels_first = shape[1] == CHANNELS
        stated = shape[2]
        if not isinstance(stated, int) and not config.side:
            raise BadSetting(f"{path} does not declare its input size. Set it: side=224.")
        fingerprint = fingerprint_of(name, weights=file_digest(path), config=config, version=VERSION)
        super().__init__(
            name,
            fingerprint=fingerprint,
            side=config.side or stated,
            mean=config.mean,
            std=config.std,
            flip=config.flip,
        )
        # the graph always runs on the CPU
        self.device, self.batch = torch.device("cpu"), ImageNetwork.batch
        self._one_by_one = isinstance(shape[0], int)
        self.sums_parts = len(self._outputs) == 1

    @property
    def declared_widths(self) -> EncoderWidths | None:
        """The channel sizes of the outputs: the last axis, or the second if channels come first."""
        shapes = {len(each.shape): each.shape for each in self._session.get_outputs() if each.name in self._outputs}
        stated = {axes: shape[1 if axes == 2 or self._channels_first else 3] for axes, shape in shapes.items()}
        if not all(isinstance(width, int) for width in stated.values()):
            return None
        return stated.get(4), stated.get(2) or stated[4]

    def look(self, images: Float[Tensor, "b 3 side side"]) -> tuple[Grid | None, Wholes]:
        """Return the outputs with four and with two axes."""
        ordered = images if self._channels_first else images.permute(0, 2, 3, 1)
        batches = ordered[:, None] if self._one_by_one else [ordered]
        runs = [self._session.run(self._outputs, {self._input: batch.cpu().numpy()}) for batch in batches]
        outputs = {
            output.ndim: torch.cat([torch.from_numpy(run[k]) for run in runs]) for k, output in enumerate(runs[0])
        }
        grid = outputs.get(4)
        if grid is not None and self._channels_first:
            grid = grid.permute(0, 2, 3, 1)
        return grid, (outputs[2] if 2 in outputs else grid.mean((1, 2)))  # type: ignore[union-attr]

    @property
    def _input(self) -> str:
        return str(self._session.get_inputs()[0].name)

    @cached_property
    def _outputs(self) -> list[str]:
        """Return the names of the first output with four axes and the first with two."""
        outputs = self._session.get_outputs()
        names = [next((each.name for each in outputs if len(each.shape) == axes), None) for axes in (4, 2)]
        return [name for name in names if name]


def open_encoder(name: str, config: Config) -> Onnx:
    """Return the network in the ONNX file named by the argument."""
    runtime = import_extra("onnxruntime", extra="onnx")
    path = file_argument(name)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    try:
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no other root
        raise BadCheckpoint(f"{path} is not a valid ONNX graph ({type(error).__name__}). Export it again.") from error
    encoder = Onnx(name, config, path, session)
    if not encoder._outputs:
        raise BadCheckpoint(f"{path} must have an output with four axes (regions) or two (whole). Export it with one.")
    return encoder
