"""The similarities of one pair as functions of its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from diptych.data.addresses import Picture
from diptych.data.features import Encoded
from diptych.encoders.contract import Encoder
from diptych.errors import BadSetting
from diptych.explaining.attribution import PartScore
from diptych.explaining.fusing import Fusing, fused
from diptych.explaining.pixels import Pixels
from diptych.explaining.places import over_parts
from diptych.explaining.sides import NAMES, Traced
from diptych.methods.contract import Method, TraceableMethod
from diptych.modality import Modality, other


@dataclass(frozen=True)
class TracedPair:
    """A picture and a text as a method compares them, or one of them with a fixed vector of its own modality."""

    method: TraceableMethod
    sides: Mapping[Modality, Traced | Pixels]
    """By modality; a single one if the other side is fixed."""
    held: Mapping[str, Float[Tensor, " _"]] = field(default_factory=dict)
    """By space, the fixed vector of another item of the same modality."""

    @classmethod
    def of(cls, method: Method, image: tuple[Encoded, Encoder], text: tuple[Encoded, Encoder]) -> "TracedPair":
        """Return the pair of one encoded picture and text; raise `BadSetting` if the method is not traceable."""
        return cls._traced(method, {"image": image, "text": text}, {})

    @classmethod
    def beside(
        cls, method: Method, modality: Modality, item: tuple[Encoded, Encoder], held: Mapping[str, Float[Tensor, " _"]]
    ) -> "TracedPair":
        """Return the pair of one encoded item and fixed vectors of its own modality, by space."""
        return cls._traced(method, {modality: item}, held)

    @classmethod
    def _traced(
        cls, method: Method, items: Mapping[Modality, tuple[Encoded, Encoder]], held: Mapping[str, Float[Tensor, " _"]]
    ) -> "TracedPair":
        if not isinstance(method, TraceableMethod):
            raise BadSetting(f"{type(method).__name__} does not support explanations. Explain a run of mcsm.")
        sides = {
            modality: Traced.of(method, modality, encoded, sums_parts=encoder.sums_parts)
            for modality, (encoded, encoder) in items.items()
        }
        if isinstance(method, torch.nn.Module):
            method.eval()
        device = next(iter(sides.values())).values.device
        return cls(method, sides, {space: vector.to(device) for space, vector in held.items()})

    def at_pixels(self, encoder: Encoder, picture: Picture) -> "TracedPair":
        """Return the pair with the pixels of its picture as parts; `BadSetting` if the encoder does not allow it."""
        sides = {**self.sides, "image": Pixels.of(self.method, encoder, picture)}
        return replace(self, sides=sides)

    def vectors(self, space: str, modality: Modality) -> Float[Tensor, "1 d_s"]:
        """Return the embedding of one side in a space."""
        with torch.no_grad():
            return self.method.embed_scaled(space, modality, self.sides[modality].scaled).vectors

    def other(self, space: str, modality: Modality) -> Float[Tensor, " d_s"]:
        """Return the vector that a space compares one side with."""
        return self.held[space] if self.held else self.vectors(space, other(modality))[0]

    def similarity(self, space: str) -> float:
        """Return the pair's similarity in a space, as in a search."""
        modality = next(iter(self.sides))
        return float(self.vectors(space, modality)[0] @ self.other(space, modality))

    def score(self, space: str, modality: Modality) -> PartScore:
        """Return a space's similarity as a function of one side's parts, with the other side fixed."""
        opposite = self.other(space, modality)

        def score(values: Float[Tensor, "b p _"]) -> Float[Tensor, " b"]:
            return self.method.embed_scaled(space, modality, self.sides[modality].side(values)).vectors @ opposite

        return score

    def fused_score(self, fusing: Fusing, modality: Modality) -> PartScore:
        """Return the fused similarity as a function of one side's parts, with the other side fixed."""
        scores = [self.score(space, modality) for space in self.method.spaces]
        if fusing.served is None:
            return scores[0]
        served = fusing.served
        return lambda values: fused(served, *(score(values) for score in scores))

    def read_by(self, space: str) -> Modality | None:
        """Return the side of the pair that a space reads part by part, or None."""
        return next((modality for modality in self.sides if modality == self.method.reads(space)), None)

    def attention(self, space: str) -> Float32[np.ndarray, " p"] | None:
        """Return a space's attention over the parts that it reads, zero for parts beyond its longest sequence."""
        modality = self.read_by(space)
        if modality is None:
            return None
        side = self.sides[modality]
        with torch.no_grad():
            weights = self.method.embed_scaled(space, modality, side.scaled).attention
        if weights is None:
            return None
        attention, pools = weights[0].float().cpu().numpy(), self.method.pools(space)
        if isinstance(side, Pixels):
            return side.over_cells(attention)
        count = len(side.values)
        each = int(np.prod(pools, dtype=int))
        length = min(count, len(attention) * each)
        own = attention[: -(-length // each)]  # what padding takes, where it is attended, is no part's
        return np.pad(over_parts(own, pools, count=length), (0, count - length)).astype(np.float32)

    def standstill(self, space: str, modality: Modality) -> tuple[bool, str | None]:
        """Return whether a side's parts affect a space's similarity, and what stays fixed, or why they do not."""
        side, name = self.sides[modality], NAMES[modality]
        if side.follows:
            return True, None
        if not self.method.takes_parts(space, modality):
            return (
                False,
                f"The {space} space compares only the whole {modality} vector, which is not computed from {name}.",
            )
        bare = side.scaled.__class__(torch.zeros_like(side.scaled.whole), side.scaled.parts, side.scaled.mask)
        with torch.no_grad():
            idle = torch.equal(self.method.embed_scaled(space, modality, bare).vectors, self.vectors(space, modality))
        return True, None if idle else f"The whole {modality} vector is not computed from {name} and is kept fixed."
