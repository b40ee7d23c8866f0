"""Autoencoders over the vectors of one modality and of pairs; the layers of corr-ae and cmdn."""

from collections.abc import Mapping
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from diptych.methods.inputs import MODALITIES
from diptych.methods.towers import Tower, TowerConfig

Variant = Literal["plain", "cross", "full"]

Vectors = Mapping[str, Float[Tensor, "b _"]]
"""Vectors of each modality (`image`, `text`) of the same pairs."""


class Autoencoder(nn.Module):
    """One encoder and the decoders from its codes to each named target: c = tanh(f(x)), x̂_t = g_t(c).

    Decoders have the encoder's hidden layers in reverse, and no dropout before their first.
    """

    def __init__(self, width: int, code: int, targets: Mapping[str, int], layers: TowerConfig) -> None:
        super().__init__()
        self.encoder = Tower(width, code, layers)
        mirrored = TowerConfig(layers.hidden[::-1], layers.activation, layers.dropout)
        self.decoders = nn.ModuleDict({name: Tower(code, target, mirrored) for name, target in targets.items()})

    def encode(self, values: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Return the codes, numbers between -1 and 1."""
        codes: Tensor = self.encoder(values).tanh()
        return codes

    def reconstruction(self, codes: Float[Tensor, "b k"], targets: Vectors) -> Float[Tensor, ""]:
        """Return the mean squared error of every decoder's target, added up."""
        errors = [mse_loss(decoder(codes), targets[name]) for name, decoder in self.decoders.items()]
        return sum(errors[1:], errors[0])


class PairedAutoencoders(nn.Module):
    """An autoencoder of each modality, with codes of one width.

    Each code reconstructs its own modality (`plain`), the other (`cross`) or both (`full`).
    """

    def __init__(self, widths: Mapping[str, int], code: int, *, variant: Variant, layers: TowerConfig) -> None:
        super().__init__()
        self.coders = nn.ModuleDict(
            {m: Autoencoder(widths[m], code, _targets(m, widths, variant), layers) for m in MODALITIES}
        )

    def encode(self, modality: str, values: Float[Tensor, "b d"]) -> Float[Tensor, "b k"]:
        """Return the codes of one modality's vectors."""
        coder: Autoencoder = self.coders[modality]  # type: ignore[assignment]
        return coder.encode(values)

    def codes(self, vectors: Vectors) -> dict[str, Tensor]:
        """Return the codes of both modalities."""
        return {modality: self.encode(modality, vectors[modality]) for modality in MODALITIES}

    def reconstruction(self, codes: Vectors, vectors: Vectors) -> Float[Tensor, ""]:
        """Return the errors of all decoders, added up; each is a mean over pairs and numbers."""
        image, text = (self.coders[m].reconstruction(codes[m], vectors) for m in MODALITIES)  # type: ignore[operator]
        return image + text


def tie(codes: Vectors) -> Float[Tensor, ""]:
    """Return how far partners' codes lie apart: the mean of (f(x) - g(y))² over pairs and numbers."""
    return mse_loss(codes["image"], codes["text"])


def _targets(modality: str, widths: Mapping[str, int], variant: Variant) -> dict[str, int]:
    wanted = {"plain": lambda m: m == modality, "cross": lambda m: m != modality, "full": lambda m: True}[variant]
    return {m: widths[m] for m in MODALITIES if wanted(m)}
