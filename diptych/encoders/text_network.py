"""The base of text networks of other libraries: from token numbers to hidden states and one vector."""

from abc import abstractmethod
from collections.abc import Sequence
from copy import copy
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diptych.encoders.contract import Encoder
from diptych.modality import Modality

States = Float[Tensor, "b t d"]
Vectors = Float[Tensor, "b d_whole"]


class TextNetwork(Encoder):
    """A text encoder that reads all texts at one length: tokens -> hidden states and whole."""

    modality: Modality = "text"
    batch = 64
    masks_words: bool = True
    """Whether the network leaves out tokens that a mask hides."""

    def __init__(self, name: str, loaded: Any) -> None:
        self.name, self._loaded = name, loaded
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @abstractmethod
    def tokens(self, prepared: Sequence[Any]) -> tuple[Int[Tensor, "b t"], Bool[Tensor, "b t"]]:
        """Return the token numbers of prepared texts, padded, and which of them are the text's own."""

    @abstractmethod
    def read(self, ids: Int[Tensor, "b t"], mask: Bool[Tensor, "b t"]) -> tuple[States | None, Vectors]:
        """Return the last hidden states (None without words) and the whole vectors."""

    @property
    def loaded(self) -> Any:
        """The network that another library has loaded."""
        return self._loaded

    def with_network(self, network: Any) -> "TextNetwork":
        """Return the same encoder with another network of the same kind."""
        twin = copy(self)
        twin.__dict__.pop("_tower", None)
        twin._loaded, twin.device = network, next(network.parameters()).device
        return twin
