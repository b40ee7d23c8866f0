"""What fills a collection: a trained run, or a method that needs no training, with its encoders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float32
from torch import nn

from diptych.collection.records import ModelFingerprint
from diptych.collection.reduction import Reduction
from diptych.data.features import Encoded
from diptych.encoders.concepts import cached_concepts
from diptych.encoders.contract import Encoder
from diptych.encoders.encoding import encoded_queries
from diptych.encoders.given import Given
from diptych.encoders.lazy import LazyEncoders
from diptych.errors import BadCheckpoint, BadSetting, UnknownName
from diptych.evaluation import chosen_rule
from diptych.files import digest, file_digest
from diptych.fusion.contract import FusionRule
from diptych.fusion.record import FusionRecord
from diptych.methods import ROOM as METHODS
from diptych.methods.contract import Method
from diptych.methods.embedding import embed_items, vectors_by_space
from diptych.methods.module import SideInformation, UntrainedModelClass, open_method
from diptych.modality import MODALITIES, Modality
from diptych.rooms import split_name
from diptych.settings import override, thread_count
from diptych.training.loading import load_encoders, load_model
from diptych.training.run_folder import RunFolder

IMAGE_ENCODER, TEXT_ENCODER = "efficientnet-lite2", "minilm"
"""Encoders of methods without training that choose none of their own."""


@dataclass(frozen=True)
class Model:
    """A method that can place pictures and texts, and say which of them agree."""

    source: str
    """A run's folder, or the name of a method without training: `conse`, `joint:NAME`."""
    name: str
    """The method's name."""
    method: Method
    encoders: LazyEncoders
    fingerprints: Mapping[Modality, str]
    """Of the encoders, by side."""
    digest: str
    """Changes with the weights, the settings and the encoders."""
    fusion: FusionRecord | None
    """The rule that the run chose and the weight of every rule; None without a run."""
    settings: tuple[str, ...] = ()
    """Settings of the encoders, where the source does not hold them."""
    reduction: Reduction | None = None
    """How its vectors are reduced in the table that it is used with; not at all by default."""

    def place(self, side: Modality, encoded: Encoded) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of encoded pictures or texts: those of all spaces one after another."""
        encoded.check_finite(side)
        return vectors_by_space(embed_items(self.method, side, encoded))

    def encode(self, side: Modality, items: Sequence[str | Path]) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of texts or pictures that are asked for; they are not cached."""
        return self.place_prepared(side, [self.encoder(side).prepare(item) for item in items])

    def place_prepared(self, side: Modality, prepared: Sequence[Any]) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of what the encoder of a side has prepared, all of it in one go."""
        return self.place(side, encoded_queries(self.encoder(side), prepared))

    @property
    def widths(self) -> tuple[int, ...]:
        """How many numbers a vector has in each space."""
        return tuple(self.method.space_widths.values())

    @property
    def kept(self) -> Reduction:
        """What is stored of its vectors."""
        return self.reduction or Reduction(self.widths)

    def whole(self, vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n _"], ...]:
        """Return vectors space by space, as they were placed."""
        return tuple(np.split(vectors, np.cumsum(self.widths)[:-1], axis=1))

    def split(self, side: Modality, vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n _"], ...]:
        """Return vectors space by space, as they are compared with what is stored of a side."""
        return self.kept.reduced(side, vectors)

    def rule(self, name: str | None = None) -> FusionRule | None:
        """Return a fusion rule with its chosen weight, by default the run's own; None with a single space."""
        return chosen_rule(self.fusion, name) if self.fusion and len(self.method.spaces) > 1 else None

    @property
    def rule_name(self) -> str | None:
        """The name of the run's own fusion rule; None where it chose none."""
        return self.fusion.rule if self.fusion else None

    def encoder(self, side: Modality) -> Encoder:
        """Return the encoder of a side, opened when it is first wanted."""
        return self.encoders[side]  # type: ignore[return-value]  # ready-made vectors were refused before

    def stored(self, side: Modality, encoded: Encoded) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of encoded pictures or texts as a table keeps them."""
        return np.concatenate(self.split(side, self.place(side, encoded)), axis=1)

    @property
    def fingerprint(self) -> ModelFingerprint:
        """What a collection remembers of the model that fills it."""
        return ModelFingerprint(
            self.source,
            self.name,
            self.digest,
            dict(self.encoders.names),
            self.settings,
            tuple(self.method.spaces),
            self.widths,
            self.rule_name,
            dict(self.fingerprints),
        )


@dataclass(frozen=True)
class ModelSource:
    """How another process opens the model of a collection."""

    fingerprint: ModelFingerprint
    source: str | None
    """The folder where its run lies now, if it moved."""
    reduction: Reduction | None

    @classmethod
    def of(cls, model: Model, fingerprint: ModelFingerprint) -> "ModelSource":
        """Return how to open a model that a collection remembers by this fingerprint."""
        return cls(fingerprint, model.source if model.source != fingerprint.source else None, model.reduction)

    def __call__(self) -> Model:
        """Return the model."""
        return replace(reopen_model(self.fingerprint, self.source), reduction=self.reduction)


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
            raise BadSetting(f"the run {source} has its own encoders. Omit the encoder options.")
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


def reopen_model(fingerprint: ModelFingerprint, source: str | None = None) -> Model:
    """Return the model that a collection remembers, which may have moved to another `source`.

    `BadCheckpoint` where it is not the one that filled the collection.
    """
    place = source or fingerprint.source
    if source is None and fingerprint.method == split_name(place)[0]:
        torch.set_num_threads(thread_count())
        names = (fingerprint.encoders["image"], fingerprint.encoders["text"])
        model = _untrained(*split_name(place), names, fingerprint.settings, recorded=fingerprint)
    elif Path(place).is_dir():
        model = open_model(place)
    else:
        raise BadCheckpoint(
            f"the run that filled this collection is no longer at {place}. Name its new folder with --model."
        )
    if model.digest != fingerprint.digest:
        raise BadCheckpoint(
            f"{place} is not the model that filled this collection: its weights, settings or encoders differ, and "
            "the vectors are not comparable. Name the right one, or move the collection: diptych collection reencode."
        )
    return model


def _of_run(folder: RunFolder) -> Model:
    config = folder.config()
    encoders = load_encoders(folder)
    _refuse_given(encoders, source=str(folder.path))
    records = config.encoders
    fingerprints: dict[Modality, str] = {
        "image": records.image.fingerprint or "",
        "text": records.text.fingerprint or "",
    }
    weights = digest(file_digest(folder.model_file), repr(config.settings), *_signatures(fingerprints))
    source = str(folder.path.absolute())
    method = load_model(folder)
    return Model(source, config.method, method, encoders, fingerprints, weights, folder.result().fusion)


def _untrained(
    name: str,
    argument: str,
    chosen: tuple[str | None, str | None],
    settings: Sequence[str],
    *,
    recorded: ModelFingerprint | None = None,
) -> Model:
    """Return a method without training; where a record names the weights of its encoders, none is opened."""
    module = open_method(name)
    config = override(module.PRESETS["default"], [f"model={argument}"] if argument else [])
    own = config.encoders or (IMAGE_ENCODER, TEXT_ENCODER)
    known_prints = recorded.fingerprints if recorded else None
    encoders = LazyEncoders((chosen[0] or own[0], chosen[1] or own[1]), settings, admit=partial(_admit, known_prints))
    _refuse_given(encoders, source=name)
    fingerprints = known_prints or {side: encoders[side].fingerprint for side in MODALITIES}  # type: ignore[union-attr]
    known = SideInformation(cached_concepts(encoders, fingerprints)) if "concepts" in module.CARD.needs else None

    def width(modality: Modality) -> int:
        return int(recorded.widths[0] if recorded else encoders[modality].whole_width)  # type: ignore[union-attr]

    model = cast("UntrainedModelClass", module.Model).untrained(config, encoders.names, width, known)
    method = cast("Method", cast("nn.Module", model).eval())
    source = f"{name}:{argument}" if argument else name
    mark = digest(name, repr(config), *_signatures(fingerprints))
    return Model(source, name, method, encoders, fingerprints, mark, None, tuple(settings))


def _admit(recorded: Mapping[Modality, str] | None, modality: Modality, encoder: Encoder | Given) -> None:
    """Refuse an encoder that is not the one by which a collection was filled."""
    if recorded and isinstance(encoder, Encoder) and encoder.fingerprint != recorded[modality]:
        raise BadCheckpoint(
            f"{encoder.name} is not the encoder that this collection was filled with: its weights or code differ. "
            "Restore them, or move the collection: diptych collection reencode."
        )


def _refuse_given(encoders: LazyEncoders, *, source: str) -> None:
    """Refuse ready-made vectors, which cannot take new items in."""
    for side, name in encoders.names.items():
        if split_name(name)[0] == Given.name:
            raise BadSetting(
                f"{source} was trained on precomputed {side} vectors (`given`), which new items do not have. "
                "Train with an encoder for that modality."
            )


def _signatures(fingerprints: Mapping[Modality, str]) -> list[str]:
    return [f"{side} {fingerprints[side]}" for side in MODALITIES]
