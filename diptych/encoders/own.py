"""An encoder of your own, passed from Python: any network of torch, or an object that extends `Encoder`.

Objective: none. A run records its name, `own:NAME`, and its fingerprint, but not the network, so it cannot be opened by
name: whoever opens the run passes the encoder again, and the fingerprints must agree.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import default_collate

from diptych.data.pictures import decode
from diptych.encoders.arguments import argument_of
from diptych.encoders.contract import Encoder, EncoderWidths, ItemFeatures
from diptych.encoders.passed import OWN, PLAIN
from diptych.encoders.weights import network_digest
from diptych.entrance import checks_arguments
from diptych.errors import BadSetting, MissingData
from diptych.files import digest
from diptych.modality import MODALITIES, Modality
from diptych.rooms import Card

CARD = Card(title="An encoder of your own, passed from Python", licence="yours", learns="nothing")

RETURNS = "whole vectors (b, d), or parts (b, p, d) and whole vectors, or these and a mask of the parts (b, p)"
"""What the network of a `ModuleEncoder` returns."""
TRIAL_SIDE = 256
"""Side of the grey picture on which the widths of a network are found."""


@dataclass(frozen=True)
class Config:
    """No settings: the object has its own."""


TextConfig = Config


class ModuleEncoder(Encoder):
    """A network of torch with the function that prepares its input (`module_encoder`)."""

    def __init__(
        self,
        network: nn.Module,
        *,
        prepare: Callable[[Any], Any],
        modality: Modality,
        name: str,
        version: str,
        side: int,
        batch: int,
        collate: Callable[[list[Any]], Any],
    ) -> None:
        self.network, self.modality, self.name, self.batch = network, modality, name, batch
        self.side = side
        self._prepare, self._collate = prepare, collate
        kind = f"{type(network).__module__}.{type(network).__qualname__}"
        self.fingerprint = digest(name, modality, kind, version, str(side), network_digest(network))[:16]

    @property
    def parts_width(self) -> int | None:
        """Dimension of a part; None without parts."""
        return self._widths[0]

    @property
    def whole_width(self) -> int:
        """Dimension of the whole."""
        return self._widths[1]

    @cached_property
    def _widths(self) -> EncoderWidths:
        """The widths of what the network returns for a grey picture, or for a word."""
        trial: Any = "word" if self.modality == "text" else Image.new("RGB", (TRIAL_SIDE, TRIAL_SIDE), "grey")
        (found,) = self.encode([self._prepare(trial)])
        return None if found.parts is None else found.parts.shape[1], len(found.whole)

    def prepare(self, item: Any) -> Any:
        """Return what the given function makes of an upright RGB picture, or of a text."""
        return self._prepare(item if self.modality == "text" else decode(item, side=self.side))

    def encode(self, prepared: Sequence[Any]) -> list[ItemFeatures]:
        """Return the features of prepared items, in order."""
        batch = self._batched(prepared)
        with _evaluating(self.network), torch.inference_mode():
            returned = self.network(**batch) if isinstance(batch, Mapping) else self.network(batch)
        parts, whole, mask = self._checked(returned, len(prepared))
        wholes = whole.half().cpu().numpy()
        if parts is None:
            return [ItemFeatures(None, own) for own in wholes]
        rows = parts.half().cpu().numpy()
        there = torch.ones(parts.shape[:2]).bool().numpy() if mask is None else mask.bool().cpu().numpy()
        return [ItemFeatures(own[there[k]], wholes[k]) for k, own in enumerate(rows)]

    def _batched(self, prepared: Sequence[Any]) -> Any:
        try:
            batch = self._collate(list(prepared))
        except (RuntimeError, TypeError) as error:
            raise BadSetting(
                f"what prepare returns for {self.name} cannot be stacked into one batch: {_first_line(error)}. Return "
                "tensors of one shape, or pass collate, which turns a list of them into the network's input."
            ) from error
        device = next((each.device for each in self.network.parameters()), torch.device("cpu"))
        return _moved(batch, device)

    def _checked(self, returned: Any, count: int) -> tuple[Tensor | None, Tensor, Tensor | None]:
        """Return parts, whole and mask; `BadSetting` if the network returns something else."""
        given = (returned,) if isinstance(returned, Tensor) else tuple(returned) if _is_tuple(returned) else ()
        if all(isinstance(each, Tensor) for each in given) and len(given) in (1, 2, 3):
            parts, whole, mask = (None, *given, None) if len(given) == 1 else (*given, None)[:3]
            fits = whole.ndim == 2 and len(whole) == count
            fits &= parts is None or (parts.ndim == 3 and len(parts) == count)
            if fits and (mask is None or mask.shape == parts.shape[:2]):
                return parts, whole, mask
        shapes = [tuple(each.shape) if isinstance(each, Tensor) else type(each).__name__ for each in given]
        raise BadSetting(
            f"the network of {self.name} must return {RETURNS}, for {count} items; got "
            f"{', '.join(map(str, shapes)) or type(returned).__name__}. Wrap it in a module that does."
        )


@checks_arguments
def module_encoder(
    network: nn.Module,
    *,
    prepare: Callable[[Any], Any],
    modality: str,
    name: str,
    version: str = "1",
    side: int = 224,
    batch: int = 16,
    collate: Callable[[list[Any]], Any] = default_collate,
) -> ModuleEncoder:
    """Return a network of torch as an encoder, to be passed wherever an encoder is named.

    `prepare` receives an upright RGB picture of Pillow, or a text, in several threads, and `collate` makes one input of
    several: a mapping is passed by name, anything else as the one argument. The network returns whole vectors (b, d),
    or parts (b, p, d) and whole vectors, or these and a mask of the parts (b, p); regions come row by row from the top
    left. `side` is that of the picture that `prepare` scales to: larger JPEGs may be decoded at a half, a quarter or an
    eighth.

    The features are cached under a fingerprint of the weights, the class of the network, `name`, `version` and `side`.
    The code of `prepare` and of the network is not in it: change `version` when it changes.
    """
    if modality not in MODALITIES:
        raise BadSetting(f"modality must be one of {', '.join(MODALITIES)}; got {modality!r}.")
    if not PLAIN.fullmatch(name):
        raise BadSetting(f"name must be letters, digits, '.', '_' and '-'; got {name!r}.")
    for what, number in (("batch", batch), ("side", side)):
        if number < 1:
            raise BadSetting(f"{what} must be 1 or more; got {number}.")
    return ModuleEncoder(
        network, prepare=prepare, modality=modality, name=f"{OWN}:{name}", version=version,
        side=side, batch=batch, collate=collate,
    )  # fmt: skip


def open_encoder(name: str, config: Config) -> Encoder:
    """Refuse: an image encoder that was an object has to be passed again."""
    raise _gone(name, "image")


def open_text_encoder(name: str, config: Config) -> Encoder:
    """Refuse: a text encoder that was an object has to be passed again."""
    raise _gone(name, "text")


def _gone(name: str, modality: Modality) -> MissingData:
    own = argument_of(name, kind="name")
    return MissingData(
        f"the {modality} encoder {own!r} was an object of its user, which no run holds. Pass it again from Python: "
        f"{modality}_encoder=ENCODER, to Retriever.load, Retriever.from_pretrained or Collection.open."
    )


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode, and leave it as it was."""
    before = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(before)


def _moved(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device)
    return {key: _moved(each, device) for key, each in batch.items()} if isinstance(batch, Mapping) else batch


def _is_tuple(returned: Any) -> bool:
    return isinstance(returned, tuple | list)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".")
