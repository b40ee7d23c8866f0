"""Reading a run that was written as ONNX, without torch: pictures and texts to vectors.

`towers.json` describes the two graphs beside it (`diptych.handover.onnx_export`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from diptych.data.pictures import decode
from diptych.data.queries import checked_picture, checked_text
from diptych.entrance import PictureLike, checks_arguments
from diptych.errors import BadCheckpoint, BadSetting, MissingData
from diptych.extras import require
from diptych.settings import thread_count

DESCRIPTION = "towers.json"
TOKENIZER = "tokenizer.json"
FORMAT = 1
"""The version of the description; another one is refused."""
AT_ONCE = 16
"""Items that a graph takes together."""

ExportedVectors = dict[str, Float32[np.ndarray, "n _"]]
"""ExportedVectors in each space, a row an item."""


@dataclass(frozen=True)
class ExportedModel:
    """The towers of a run, run by ONNX Runtime on the CPU; similarity in a space is the inner product.

    >>> ExportedModel.open("nowhere")
    Traceback (most recent call last):
    diptych.errors.MissingData: nowhere holds no run as ONNX: there is no towers.json. Write it: diptych export --onnx.
    """

    folder: Path
    description: dict[str, Any]
    """What `towers.json` says."""

    @classmethod
    @checks_arguments
    def open(cls, folder: str | Path) -> "ExportedModel":
        """Return the run in a folder that `diptych export --onnx` wrote."""
        folder = Path(folder)
        file = folder / DESCRIPTION
        if not file.is_file():
            raise MissingData(
                f"{folder} holds no run as ONNX: there is no {file.name}. Write it: diptych export --onnx."
            )
        try:
            told = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadCheckpoint(f"{file} is not valid JSON ({error}). Export the run again.") from None
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise BadCheckpoint(f"{file} must have the format {FORMAT}. Export the run again with this version.")
        return cls(folder, told)

    @property
    def spaces(self) -> tuple[str, ...]:
        """The names of the spaces."""
        return tuple(self.description["spaces"])

    @checks_arguments
    def encode_image(self, images: Sequence[PictureLike]) -> ExportedVectors:
        """Return the vectors of pictures in each space."""
        side = self._before("image", "pixels")["side"]
        return self._vectors("image", [checked_picture(image) for image in images], lambda each: _pixels(each, side))

    @checks_arguments
    def encode_text(self, texts: Sequence[str]) -> ExportedVectors:
        """Return the vectors of texts in each space."""
        told = self._before("text", "tokens")
        return self._vectors("text", [checked_text(text) for text in texts], lambda each: self._tokens(each, told))

    def encode_features(self, modality: str, **features: np.ndarray) -> ExportedVectors:
        """Return the vectors of encoded items, for a graph that begins at features: `parts`, `mask` and `whole`."""
        self._before(modality, "features")
        return dict(zip(self.spaces, self._session(modality).run(list(self.spaces), features), strict=True))

    def _before(self, modality: str, begins_at: str) -> dict[str, Any]:
        """Return what comes before a graph; `BadSetting` if it begins elsewhere."""
        told = self.description[modality]
        if told["begins_at"] != begins_at:
            raise BadSetting(
                f"the graph of {modality}s begins at {told['begins_at']}, not at {begins_at}: it needs what "
                f"{told['encoder']} gives ({told.get('reason', 'see towers.json')})."
            )
        before: dict[str, Any] = told["before"]
        return before

    def _vectors(self, modality: str, items: Sequence[Any], prepared: Any) -> ExportedVectors:
        found: dict[str, list[np.ndarray]] = {
            space: [np.zeros((0, width), np.float32)] for space, width in self.description["spaces"].items()
        }
        session = self._session(modality)
        wanted = {each.name for each in session.get_inputs()}
        for start in range(0, len(items), AT_ONCE):
            inputs = {n: v for n, v in prepared(items[start : start + AT_ONCE]).items() if n in wanted}
            for space, rows in zip(found, session.run(list(found), inputs), strict=True):
                found[space].append(rows)
        return {space: np.concatenate(rows) for space, rows in found.items()}

    def _tokens(self, texts: Sequence[str], told: dict[str, Any]) -> dict[str, np.ndarray]:
        """Return the numbers of the tokens of texts, padded, and which of them are the texts' own."""
        found = [each.ids for each in self._tokenizer.encode_batch(list(texts))]
        longest = told["longest"] if told["padded_to_longest"] else max(map(len, found))
        ids = np.full((len(found), longest), told["padding"], dtype=np.int64)
        mask = np.zeros(ids.shape, dtype=bool)
        for k, own in enumerate(found):
            ids[k, : len(own)], mask[k, : len(own)] = own, True
        return {"ids": ids, "mask": mask}

    @cached_property
    def _tokenizer(self) -> Any:
        library = require("tokenizers", extra="minilm", wanted_by="texts of an exported run")
        tokenizer = library.Tokenizer.from_file(str(self.folder / TOKENIZER))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.description["text"]["before"]["longest"])
        return tokenizer

    @cached_property
    def _sessions(self) -> dict[str, Any]:
        return {}

    def _session(self, modality: str) -> Any:
        if modality not in self._sessions:
            runtime = require("onnxruntime", extra="onnx", wanted_by="runs as ONNX")
            options = runtime.SessionOptions()
            options.intra_op_num_threads = thread_count()
            file = self.folder / self.description[modality]["file"]
            self._sessions[modality] = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        return self._sessions[modality]


def _pixels(pictures: Sequence[Any], side: int) -> dict[str, np.ndarray]:
    """Return pictures squeezed into a square."""
    from PIL.Image import Resampling

    decoded = (decode(each, side=side) for each in pictures)
    squared = [each if each.size == (side, side) else each.resize((side, side), Resampling.BICUBIC) for each in decoded]
    return {"pixels": np.stack([np.asarray(each) for each in squared])}
