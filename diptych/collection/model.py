"""The model that fills a collection: a trained run, or a method without training, with its encoders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import cast

from torch import nn

from diptych.collection.records import ModelFingerprint
from diptych.collection.starting_models import STARTING, spelt_out
from diptych.encoders.concept_vectors import cached_concepts
from diptych.encoders.contract import Encoder
from diptych.encoders.given import Given
from diptych.encoders.lazy import LazyEncoders
from diptych.encoders.passed import EncoderLike, Passed, passed_encoders
from diptych.encoders.registry import settings_as_trained
from diptych.entrance import checks_arguments
from diptych.errors import BadCheckpoint, BadSetting, UnknownName
from diptych.files import digest
from diptych.handover.hub_runs import is_on_hub, run_at
from diptych.methods import ROOM as METHODS
from diptych.methods.contract import Method
from diptych.methods.module import SideInformation, UntrainedModelClass, open_method
from diptych.modality import MODALITIES, Modality
from diptych.retrieval.embedding_model import EmbeddingModel, model_of_run, refuse_given, signatures
from diptych.retrieval.reduction import SpanReduction
from diptych.rooms import split_name
from diptych.settings import override, set_torch_threads
from diptych.training.locating import located_encoder
from diptych.training.run_folder import RunFolder

IMAGE_ENCODER, TEXT_ENCODER = "efficientnet-lite2", "minilm"
"""The encoders of methods without training that name none of their own."""


@dataclass(frozen=True)
class ModelSource:
    """How another process opens the model of a collection."""

    fingerprint: ModelFingerprint
    source: str | None
    """The current folder of its run, if that moved."""
    reduction: SpanReduction | None

    @classmethod
    def of(cls, model: EmbeddingModel, fingerprint: ModelFingerprint) -> "ModelSource":
        """Return how to open a model that a collection remembers by this fingerprint."""
        return cls(fingerprint, model.source if model.source != fingerprint.source else None, model.reduction)

    def __call__(self) -> EmbeddingModel:
        """Return the model."""
        return replace(reopen_model(self.fingerprint, self.source), reduction=self.reduction)


@checks_arguments
def open_model(
    source: str | Path,
    *,
    image_encoder: EncoderLike | None = None,
    text_encoder: EncoderLike | None = None,
    settings: Sequence[str] = (),
) -> EmbeddingModel:
    """Return the model of a run (its folder, or `hub:OWNER/NAME`), or one without training by its name.

    That is a method, such as `conse` or `joint:NAME`, or a starting model (`diptych.collection.starting_models`).

    Only a method without training takes the names of encoders and their settings here; a run has its own, and takes
    those that were objects in training.
    """
    set_torch_threads()
    source, passed = str(source), passed_encoders(image_encoder, text_encoder)
    if _is_run(source):
        if settings or any(isinstance(each, str) for each in passed.values()):
            raise BadSetting(f"the run {source} has its own encoders. Omit the encoder options.")
        return _of_run(run_at(source), passed)
    name, argument = split_name(spelt_out(source))
    cards = METHODS.cards()
    untrained = [each for each, card in cards.items() if card.learns == "nothing"]
    if name in cards and name not in untrained:
        raise BadSetting(
            f"{name} must be trained before it fills a collection. Train it (diptych train {name} ...) and name the "
            f"run's folder, or choose one that needs no training: {', '.join(untrained)}."
        )
    if name not in untrained:
        raise UnknownName.among("models", source, [*untrained, *STARTING, "the folder of a run"])
    chosen: Passed = {m: located_encoder(each) if isinstance(each, str) else each for m, each in passed.items()}
    return _untrained(name, located_encoder(argument), chosen, settings)


def reopen_model(
    fingerprint: ModelFingerprint, source: str | None = None, passed: Passed = MappingProxyType({})
) -> EmbeddingModel:
    """Return the model that a collection remembers, which may have moved to another `source`.

    The encoders `passed` take the place of those that were objects.
    `BadCheckpoint` if it is not the model that filled the collection.
    """
    place = source or fingerprint.source
    if source is None and fingerprint.method == split_name(place)[0]:
        set_torch_threads()
        encoders: Passed = {**fingerprint.encoders, **passed}
        model = _untrained(*split_name(place), encoders, fingerprint.settings, recorded=fingerprint)
    elif _is_run(place):
        model = open_model(place, image_encoder=passed.get("image"), text_encoder=passed.get("text"))
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


def _is_run(place: str) -> bool:
    return Path(place).is_dir() or is_on_hub(place)


def _of_run(folder: RunFolder, passed: Passed) -> EmbeddingModel:
    model = model_of_run(folder, passed=passed)
    refuse_given(model.encoders, source=str(folder.path))
    return model


def _untrained(
    name: str,
    argument: str,
    chosen: Passed,
    settings: Sequence[str],
    *,
    recorded: ModelFingerprint | None = None,
) -> EmbeddingModel:
    """Return a method without training; if a record has the fingerprints of its encoders, none is opened."""
    module = open_method(name)
    config = override(module.PRESETS["default"], [f"model={argument}"] if argument else [])
    own = dict(zip(MODALITIES, config.encoders or (IMAGE_ENCODER, TEXT_ENCODER), strict=True))
    known_prints = recorded.fingerprints if recorded else None
    see, read = (chosen.get(modality) or own[modality] for modality in MODALITIES)
    if not recorded and config.encoders:
        settings = (*settings_as_trained(see), *settings)
    encoders = LazyEncoders((see, read), settings, admit=partial(_admit, known_prints))
    refuse_given(encoders, source=name)
    fingerprints = known_prints or {side: encoders[side].fingerprint for side in MODALITIES}  # type: ignore[union-attr]
    known = SideInformation(cached_concepts(encoders, fingerprints)) if "concepts" in module.CARD.needs else None

    def width(modality: Modality) -> int:
        return int(recorded.widths[0] if recorded else encoders[modality].whole_width)  # type: ignore[union-attr]

    model = cast("UntrainedModelClass", module.Model).untrained(config, encoders.names, width, known)
    method = cast("Method", cast("nn.Module", model).eval())
    source = f"{name}:{argument}" if argument else name
    mark = digest(name, repr(config), *signatures(fingerprints))
    return EmbeddingModel(source, name, method, encoders, fingerprints, mark, None, tuple(settings))


def _admit(recorded: Mapping[Modality, str] | None, modality: Modality, encoder: Encoder | Given) -> None:
    """Refuse an encoder other than the one that filled the collection."""
    if recorded and isinstance(encoder, Encoder) and encoder.fingerprint != recorded[modality]:
        raise BadCheckpoint(
            f"{encoder.name} is not the encoder that this collection was filled with: its weights or code differ. "
            "Restore them, or move the collection: diptych collection reencode."
        )


def fingerprint_of(model: EmbeddingModel) -> ModelFingerprint:
    """Return the fingerprint by which a collection remembers the model that fills it."""
    return ModelFingerprint(
        model.source,
        model.name,
        model.digest,
        dict(model.encoders.names),
        model.settings,
        tuple(model.method.spaces),
        model.widths,
        model.rule_name,
        dict(model.fingerprints),
    )
