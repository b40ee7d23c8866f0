"""The model that embeds items and queries: a method with its encoders, each opened on first use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float32

from diptych.data.addresses import Picture
from diptych.data.features import Encoded
from diptych.encoders.cache import encode_items
from diptych.encoders.contract import Encoder
from diptych.encoders.encoding import encoded_queries
from diptych.encoders.given import Given
from diptych.encoders.lazy import LazyEncoders
from diptych.encoders.passed import Passed
from diptych.errors import BadSetting
from diptych.evaluation import chosen_rule
from diptych.files import digest, file_digest
from diptych.fusion.contract import FusionRule
from diptych.fusion.record import FusionRecord
from diptych.methods.contract import Method
from diptych.methods.embeddings import embed_items, vectors_by_space
from diptych.modality import MODALITIES, Modality
from diptych.progress import Progress
from diptych.retrieval.reduction import SpanReduction
from diptych.rooms import split_name
from diptych.training.loading import load_encoders, load_model
from diptych.training.run_folder import RunFolder


@dataclass(frozen=True)
class EmbeddingModel:
    """A method with its encoders: embeds pictures and texts, one modality at a time, and selects the fusion rule."""

    source: str
    """A run's folder, or the name of a method without training: `conse`, `joint:NAME`."""
    name: str
    """The method's name."""
    method: Method
    encoders: LazyEncoders
    fingerprints: Mapping[Modality, str]
    """The encoders' fingerprints, by side."""
    digest: str
    """Changes with the weights, the settings and the encoders."""
    fusion: FusionRecord | None
    """The rule that the run chose and the weight of every rule; None without a run."""
    settings: tuple[str, ...] = ()
    """Settings of the encoders, if the source does not hold them."""
    reduction: SpanReduction | None = None
    """How its vectors are reduced in its table; not at all by default."""

    def embed(self, side: Modality, encoded: Encoded) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of encoded pictures or texts, those of all spaces concatenated."""
        encoded.check_finite(side)
        return vectors_by_space(embed_items(self.method, side, encoded))

    def encode(self, side: Modality, items: Sequence[str | Picture]) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of a query's texts or pictures; they are not cached."""
        return self.embed_prepared(side, [self.encoder(side).prepare(item) for item in items])

    def embed_prepared(self, side: Modality, prepared: Sequence[Any]) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of items that the encoder of a side has prepared, all in one batch."""
        return self.embed(side, encoded_queries(self.encoder(side), prepared))

    def vectors(
        self, side: Modality, items: Sequence[str | Picture], *, progress: Progress | None = None
    ) -> dict[str, Float32[np.ndarray, "n _"]]:
        """Return the vectors of texts or pictures in each space; the features of their encoder are cached."""
        encoded = encode_items(self.encoder(side), items, progress=progress)
        encoded.check_finite(side)
        return {space: own.vectors for space, own in embed_items(self.method, side, encoded).items()}

    @property
    def widths(self) -> tuple[int, ...]:
        """How many numbers a vector has in each space."""
        return tuple(self.method.space_widths.values())

    @property
    def kept(self) -> SpanReduction:
        """The reduction under which its vectors are stored."""
        return self.reduction or SpanReduction(self.widths)

    def whole(self, vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n _"], ...]:
        """Return vectors space by space, at their full width."""
        return tuple(np.split(vectors, np.cumsum(self.widths)[:-1], axis=1))

    def split(self, side: Modality, vectors: Float32[np.ndarray, "n d"]) -> tuple[Float32[np.ndarray, "n _"], ...]:
        """Return vectors space by space, reduced for comparison with the stored vectors of a side."""
        return self.kept.reduced(side, vectors)

    def rule(self, name: str | None = None) -> FusionRule | None:
        """Return a fusion rule with its chosen weight, by default the run's own; None for a single space."""
        return chosen_rule(self.fusion, name) if self.fusion and len(self.method.spaces) > 1 else None

    @property
    def rule_name(self) -> str | None:
        """The name of the run's own fusion rule; None if it chose none."""
        return self.fusion.rule if self.fusion else None

    def encoder(self, side: Modality) -> Encoder:
        """Return the encoder of a side, opened on first use."""
        encoder = self.encoders[side]
        if isinstance(encoder, Given):
            raise BadSetting(
                "precomputed vectors (`given`) cannot encode a new query. Train with an encoder for that modality."
            )
        return encoder

    def stored_width(self, side: Modality) -> int:
        """Return how many numbers a stored vector of a side has."""
        return sum(self.kept.kept(side))

    def stored(self, side: Modality, encoded: Encoded) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of encoded pictures or texts as a table keeps them."""
        return np.concatenate(self.split(side, self.embed(side, encoded)), axis=1)


def model_of_run(
    folder: RunFolder, method: Method | None = None, *, passed: Passed = MappingProxyType({})
) -> EmbeddingModel:
    """Return the model of a finished run; pass its `method` if it is loaded already, and encoders that are objects."""
    config = folder.config()
    encoders = load_encoders(folder, passed)
    records = config.encoders
    fingerprints: dict[Modality, str] = {
        "image": records.image.fingerprint or "",
        "text": records.text.fingerprint or "",
    }
    weights = digest(*map(file_digest, folder.weights_files), repr(config.settings), *signatures(fingerprints))
    source = str(folder.path.absolute())
    method = method or load_model(folder)
    return EmbeddingModel(source, config.method, method, encoders, fingerprints, weights, folder.result().fusion)


def refuse_given(encoders: LazyEncoders, *, source: str) -> None:
    """Refuse precomputed vectors, which cannot encode new items."""
    for side, name in encoders.names.items():
        if split_name(name)[0] == Given.name:
            raise BadSetting(
                f"{source} was trained on precomputed {side} vectors (`given`), which new items do not have. "
                "Train with an encoder for that modality."
            )


def signatures(fingerprints: Mapping[Modality, str]) -> list[str]:
    """Return the encoders' fingerprints as they enter a model's digest."""
    return [f"{side} {fingerprints[side]}" for side in MODALITIES]
