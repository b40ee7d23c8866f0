"""Concepts: the class names of an image network and their text embeddings."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol, runtime_checkable
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float32

from diptych.data.concepts import Concepts
from diptych.encoders.cache import encode_items
from diptych.encoders.encoding import FeatureSource
from diptych.encoders.given import Given
from diptych.encoders.lazy import LazyEncoders
from diptych.errors import BadSetting
from diptych.files import written_atomically
from diptych.modality import Modality
from diptych.settings import cache_root


@runtime_checkable
class NamesClasses(Protocol):
    """An image encoder whose network ends in a classifier of whole vectors with named classes."""

    def class_names(self) -> tuple[str, ...]:
        """Return the class names, in the order of the classifier."""
        ...

    def classifier(self) -> tuple[Float32[np.ndarray, "d_v c"], Float32[np.ndarray, " c"]]:
        """Return weight and bias: the probability of class k for a whole vector x is softmax(x weight + bias)_k."""
        ...


def cached_concepts(encoders: LazyEncoders, fingerprints: Mapping[Modality, str]) -> Concepts:
    """Return the concepts of a pair of encoders, cached so that later calls open no encoder."""
    file = cache_root() / "concepts" / f"{fingerprints['image']}-{fingerprints['text']}.npz"
    with suppress(OSError, ValueError, KeyError, EOFError, BadZipFile), np.load(file, allow_pickle=False) as archive:
        return Concepts(tuple(archive["names"].tolist()), archive["weight"], archive["bias"], archive["vectors"])
    concepts = concepts_of(encoders["image"], encoders["text"])
    with written_atomically(file) as temporary, temporary.open("wb") as opened:
        arrays = {"weight": concepts.weight, "bias": concepts.bias, "vectors": concepts.vectors}
        np.savez(opened, allow_pickle=False, names=np.array(concepts.names), **arrays)
    return concepts


def concepts_of(image_encoder: FeatureSource, text_encoder: FeatureSource) -> Concepts:
    """Return the classes of the image network, each with the text encoder's whole vector of its name.

    Names are cached in the feature cache, like all texts.
    """
    if not isinstance(image_encoder, NamesClasses):
        raise BadSetting(
            f"ConSE needs an image network with named classes; {image_encoder.name} has none. "
            "Choose --image-encoder efficientnet-lite2."
        )
    if isinstance(text_encoder, Given) or text_encoder.modality != "text":
        raise BadSetting(
            f"ConSE needs a text encoder for the class names; {text_encoder.name} is not one. "
            "Choose --text-encoder minilm."
        )
    names = image_encoder.class_names()
    weight, bias = image_encoder.classifier()
    return Concepts(names, weight, bias, encode_items(text_encoder, names).in_memory())
