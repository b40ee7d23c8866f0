"""From what an image network can name to where a text encoder puts these names."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from diptych.data.concepts import Concepts
from diptych.encoders.cache import encode_items
from diptych.encoders.encoding import FeatureSource
from diptych.encoders.given import Given
from diptych.errors import BadSetting


@runtime_checkable
class NamesClasses(Protocol):
    """An image encoder whose network ends in a classifier of whole vectors, with classes that have names."""

    def class_names(self) -> tuple[str, ...]:
        """Return each class in words, in the order of the classifier."""
        ...

    def classifier(self) -> tuple[Float32[np.ndarray, "d_v c"], Float32[np.ndarray, " c"]]:
        """Return weight and bias: the probability of class k for a whole vector x is softmax(x weight + bias)_k."""
        ...


def concepts_of(image_encoder: FeatureSource, text_encoder: FeatureSource) -> Concepts:
    """Return the classes that the image network names, each with the text encoder's whole vector of its name.

    Names are kept in the cache of features, as all texts are.
    """
    if not isinstance(image_encoder, NamesClasses):
        raise BadSetting(
            f"ConSE needs an image network that names classes; {image_encoder.name} does not. "
            "Choose --image-encoder efficientnet-lite2."
        )
    if isinstance(text_encoder, Given) or text_encoder.modality != "text":
        raise BadSetting(
            f"ConSE needs an encoder of texts for the names of classes; {text_encoder.name} is none. "
            "Choose --text-encoder minilm."
        )
    names = image_encoder.class_names()
    weight, bias = image_encoder.classifier()
    return Concepts(names, weight, bias, encode_items(text_encoder, names).in_memory())
