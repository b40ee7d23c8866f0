"""What fills a collection: a trained run, or a method that needs no training, with its encoders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from diptych.collection.reduction import Reduction
from diptych.data.features import Encoded, Features
from diptych.encoders.cache import no_items
from diptych.encoders.concepts import concepts_of
from diptych.encoders.contract import Encoder
from diptych.encoders.encoding import FeatureSource, encoded_queries
from diptych.encoders.given import Given
from diptych.encoders.registry import open_encoders
from diptych.errors import BadCheckpoint, BadSetting, UnknownName
from diptych.evaluation import chosen_rule
from diptych.files import digest, file_digest
from diptych.fusion.contract import FusionRule
from diptych.index.items import SIDES, Side
from diptych.methods import ROOM as METHODS
from diptych.methods.contract import Method, Surroundings
from diptych.rooms import split_name
from diptych.settings import override, thread_count
from diptych.training.loading import load_encoders, load_model
from diptych.training.run_folder import RunFolder

IMAGE_ENCODER, TEXT_ENCODER = "efficientnet-lite2", "minilm"
"""Encoders of methods without training that choose none of their own."""

Fingerprint = Mapping[str, Any]
"""What a collection remembers of its model: source, method, digest, encoders, spaces, widths, fusion."""


@dataclass(frozen=True)
class Model:
    """A method that can place pictures and texts, and say which of them agree."""

    source: str
    """A run's folder, or the name of a method without training: `conse`, `joint:NAME`."""
    name: str
    """The method's name."""
    method: Method
    encoders: Mapping[Side, Encoder]
    digest: str
    """Changes with the weights, the settings and the encoders."""
    fusion: Mapping[str, Any]
    """The rule that the run chose and the weight of every rule; empty with a single space."""
    settings: tuple[str, ...] = ()
    """Settings of the encoders, where the source does not hold them."""
    reduction: Reduction | None = None
    """How its vectors are reduced in the table that it is used with; not at all by default."""

    def place(self, side: Side, encoded: Encoded) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of encoded pictures or texts: those of all spaces one after another."""
        sides = {each: encoded if each == side else no_items(self.encoders[each]) for each in SIDES}
        count = len(sides["image"])
        owner = np.zeros(len(sides["text"]), dtype=np.int64)
        placed = self.method.place(Features(sides["image"], sides["text"], owner, None, tuple(map(str, range(count)))))
        rows = [placed[space].images if side == "image" else placed[space].texts for space in self.method.spaces]
        vectors: Float32[np.ndarray, "n d"] = np.concatenate(rows, axis=1)
        return vectors

    def encode(self, side: Side, items: Sequence[str | Path]) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of texts or pictures that are asked for; they are not cached."""
        return self.place_prepared(side, [self.encoders[side].prepare(item) for item in items])

    def place_prepared(self, side: Side, prepared: Sequence[Any]) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of what the encoder of a side has prepared, all of it in one go."""
        return self.place(side, encoded_queries(self.encoders[side], prepared))

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """How many numbers a vector has in each space."""
        placed = self.method.place(_nothing(self.encoders))
        return tuple(placed[space].images.shape[1] for space in self.method.spaces)

    @property
    def kept(self) -> Reduction:
        """What is stored of its vectors."""
        return self.reduction or Reduction(self.widths)

    def whole(self, vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n _"], ...]:
        """Return vectors space by space, as they were placed."""
        return tuple(np.split(vectors, np.cumsum(self.widths)[:-1], axis=1))

    def split(self, side: Side, vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n _"], ...]:
        """Return vectors space by space, as they are compared with what is stored of a side."""
        return self.kept.reduced(side, vectors)

    def rule(self, name: str | None = None) -> FusionRule | None:
        """Return a fusion rule with its chosen weight, by default the run's own; None with a single space."""
        return chosen_rule(self.fusion, name) if len(self.method.spaces) > 1 else None

    def encoder(self, side: Side) -> Encoder:
        """Return the encoder of a side."""
        return self.encoders[side]

    def stored(self, side: Side, encoded: Encoded) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of encoded pictures or texts as a table keeps them."""
        return np.concatenate(self.split(side, self.place(side, encoded)), axis=1)

    def record(self) -> dict[str, Any]:
        """Return what a collection remembers of the model that fills it."""
        return {
            "source": self.source,
            "method": self.name,
            "digest": self.digest,
            "encoders": {side: encoder.name for side, encoder in self.encoders.items()},
            "settings": list(self.settings),
            "spaces": list(self.method.spaces),
            "widths": list(self.widths),
            "fusion": self.fusion.get("rule"),
        }


@dataclass(frozen=True)
class ModelSource:
    """How another process opens the model of a collection."""

    record: Fingerprint
    source: str | None
    """The folder where its run lies now, if it moved."""
    reduction: Reduction | None

    @classmethod
    def of(cls, model: Model, record: Fingerprint) -> "ModelSource":
        """Return how to open a model that a collection remembers by this record."""
        return cls(record, model.source if model.source != record["source"] else None, model.reduction)

    def __call__(self) -> Model:
        """Return the model."""
        return replace(reopen_model(self.record, self.source), reduction=self.reduction)


def open_model(
    source: str,
    *,
    image_encoder: str | None = None,
    text_encoder: str | None = None,
    settings: Sequence[str] = (),
) -> Model:
    """Return the model of a run's folder, or a method without training by its name (`conse`, `joint:NAME`).

    Encoders and settings of encoders are chosen here for the latter alone; a run has its own.
    """
    torch.set_num_threads(thread_count())
    if Path(source).is_dir():
        if image_encoder or text_encoder or settings:
            raise BadSetting(f"the run {source} has its own encoders. Leave the options for encoders out.")
        return _of_run(RunFolder(Path(source)))
    name, argument = split_name(source)
    cards = METHODS.cards()
    untrained = [each for each, card in cards.items() if card.learns == "nothing"]
    if name in cards and name not in untrained:
        raise BadSetting(
            f"{name} must be trained before it fills a collection. Train it (diptych train {name} ...) and name the "
            f"run's folder, or choose one that needs no training: {', '.join(untrained)}."
        )
    if name not in untrained:
        raise UnknownName.among("models", source, [*untrained, "the folder of a run"])
    return _untrained(name, argument, (image_encoder, text_encoder), settings)


def reopen_model(record: Fingerprint, source: str | None = None) -> Model:
    """Return the model that a collection remembers, which may have moved to another `source`.

    `BadCheckpoint` where it is not the one that filled the collection.
    """
    place = source or record["source"]
    if source is None and record["method"] == split_name(place)[0]:
        encoders = record["encoders"]
        model = open_model(
            place, image_encoder=encoders["image"], text_encoder=encoders["text"], settings=record["settings"]
        )
    elif Path(place).is_dir():
        model = open_model(place)
    else:
        raise BadCheckpoint(
            f"the run that filled this collection is not at {place} any more. Name the folder it has now with --model."
        )
    if model.digest != record["digest"]:
        raise BadCheckpoint(
            f"{place} is not the model that filled this collection: its weights, settings or encoders differ, and "
            "their vectors do not compare. Name the one that did, or move the collection: diptych collection reencode."
        )
    return model


def _of_run(folder: RunFolder) -> Model:
    config = folder.config()
    encoders = _readers(load_encoders(folder), source=str(folder.path))
    weights = digest(file_digest(folder.model_file), repr(config["settings"]), *_signatures(encoders))
    source = str(folder.path.absolute())
    return Model(source, config["method"], load_model(folder), encoders, weights, folder.result()["fusion"])


def _untrained(name: str, argument: str, chosen: tuple[str | None, str | None], settings: Sequence[str]) -> Model:
    module = METHODS.open(name)
    config = override(module.PRESETS["default"], [f"model={argument}"] if argument else [])
    own = module.encoders_of(config) if hasattr(module, "encoders_of") else (IMAGE_ENCODER, TEXT_ENCODER)
    names = (chosen[0] or own[0], chosen[1] or own[1])
    opened = open_encoders(*names, settings)
    encoders = _readers(opened, source=name)
    concepts = concepts_of(*opened) if "concepts" in module.CARD.needs else None
    method = module.Model.fitted(config, _nothing(encoders), Surroundings(concepts)).eval()
    source = f"{name}:{argument}" if argument else name
    mark = digest(name, repr(config), *_signatures(encoders))
    return Model(source, name, method, encoders, mark, {}, tuple(settings))


def _readers(encoders: tuple[FeatureSource, FeatureSource], *, source: str) -> dict[Side, Encoder]:
    """Return the encoders by side; ready-made vectors cannot take new items in."""
    for side, encoder in zip(SIDES, encoders, strict=True):
        if isinstance(encoder, Given):
            raise BadSetting(
                f"{source} was trained on ready-made {side} vectors (`given`), which new items do not have. "
                "Train with an encoder of that modality."
            )
    return dict(zip(SIDES, encoders, strict=True))  # type: ignore[arg-type]


def _signatures(encoders: Mapping[Side, Encoder]) -> list[str]:
    return [f"{side} {encoder.fingerprint}" for side, encoder in encoders.items()]


def _nothing(encoders: Mapping[Side, Encoder]) -> Features:
    """Return features of no items at all, of the encoders' widths."""
    return Features(no_items(encoders["image"]), no_items(encoders["text"]), np.zeros(0, dtype=np.int64), None, ())
