"""The things that an image network can name, and a text encoder's vectors of their names."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True)
class Concepts:
    """The classes that an image network was trained to tell apart, in the order of its classifier.

    The probability of class k for a whole vector x is softmax(x weight + bias)_k.
    """

    names: tuple[str, ...]
    """Each class in words: `golden retriever`."""
    weight: Float32[np.ndarray, "d_v c"]
    """The classifier on whole vectors of pictures."""
    bias: Float32[np.ndarray, " c"]
    """Its constant terms."""
    vectors: Float32[np.ndarray, "c d_t"]
    """The text encoder's whole vector of each name."""
