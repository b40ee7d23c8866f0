"""Autoencoders for one modality and for pairs: the layers of corr-ae and cmdn."""

from collections.abc import Mapping
from typing import Literal, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from diptych.methods.towers import Tower, TowerConfig
from diptych.modality import MODALITIES, Modality

Variant = Literal["plain", "cross", "full"]

PairVectors = Mapping[Modality, Tensor]
"""Vectors (b, d) of each modality, `image` and `text`, for the same b pairs."""


class Autoencoder(nn.Module):
    """An encoder, with a decoder from its codes to each named target: c = tanh(f(x)), x̂_t = g_t(c).

    Decoders have the encoder's hidden layers in reverse; their outputs are linear.
    """

    def __init__(self, width: int, code: int, targets: Mapping[Modality, int], layers: TowerConfig) -> None:
        super().__init__()
        self.encoder = Tower(width, code, layers)
        mirrored = TowerConfig(hidden=layers.hidden[::-1], activation=layers.activation, dropout=layers.dropout)
        self.decoders = nn.ModuleDict({name: Tower(code, target, mirrored) for name, target in targets.items()})

    def encode(self, values: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Return the codes, with values between -1 and 1."""
        codes: Tensor = self.encoder(values).tanh()
        return codes

    def reconstruction(self, codes: Float[Tensor, "b k"], targets: PairVectors) -> Float[Tensor, ""]:
        """Return the sum over targets of the mean squared error over pairs and dimensions."""
        errors = [mse_loss(self.decoders[m](codes), targets[m]) for m in MODALITIES if m in self.decoders]
        return torch.stack(errors).sum()


class PairedAutoencoders(nn.Module):
    """An autoencoder for each modality with codes of equal width, so that the codes of a pair can be tied.

    A code reconstructs its own modality (`plain`), the other (`cross`) or both (`full`).
    """

    def __init__(self, widths: Mapping[Modality, int], code: int, *, variant: Variant, layers: TowerConfig) -> None:
        super().__init__()
        targets = {modality: _targets(modality, widths, variant) for modality in MODALITIES}
        self.coders = nn.ModuleDict({m: Autoencoder(widths[m], code, targets[m], layers) for m in MODALITIES})

    def coder(self, modality: str) -> Autoencoder:
        """Return the autoencoder of a modality."""
        return cast("Autoencoder", self.coders[modality])

    def codes(self, vectors: PairVectors) -> dict[Modality, Tensor]:
        """Return the codes of both modalities."""
        return {modality: self.coder(modality).encode(vectors[modality]) for modality in MODALITIES}

    def reconstruction(self, codes: PairVectors, vectors: PairVectors) -> Float[Tensor, ""]:
        """Return the sum of the errors of all decoders."""
        return torch.stack([self.coder(m).reconstruction(codes[m], vectors) for m in MODALITIES]).sum()


def code_distance(codes: PairVectors) -> Float[Tensor, ""]:
    """Return the distance between the codes of pairs: the mean of (f(x) - g(y))² over pairs and dimensions."""
    return mse_loss(codes["image"], codes["text"])


def _targets(modality: str, widths: Mapping[Modality, int], variant: Variant) -> dict[Modality, int]:
    own = {"plain": (True,), "cross": (False,), "full": (True, False)}[variant]
    return {name: widths[name] for name in MODALITIES if (name == modality) in own}
