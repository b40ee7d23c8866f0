"""A method that learns together with the last blocks of its encoders.

The method knows nothing of it: it receives the features that the blocks make of cached activations, and its gradient
goes on through them. Its input scaling stays as it was fitted, on the features of the networks before training.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from diptych.data.features import Encoded, Features
from diptych.encoders.cut import Augmentation, Top
from diptych.encoders.run import Base
from diptych.encoders.text_cut import SentenceTop
from diptych.errors import BadSetting
from diptych.maths.sharing import SharesRows
from diptych.methods.batches import FeatureBatch, Targets
from diptych.methods.contract import (
    Embedding,
    GradientMethod,
    NamingMethod,
    PreparingMethod,
    RefittedMethod,
    Representation,
    Representations,
    TraceableMethod,
)
from diptych.methods.module import TuneConfig
from diptych.modality import Modality
from diptych.progress import Progress

ROWS_AT_ONCE = 50
"""Maximum number of items that are embedded together."""


@dataclass(frozen=True)
class EncoderTuning:
    """What training needs beside a method to tune its encoders."""

    tops: Mapping[Modality, Top]
    """The blocks that learn, by modality."""
    bases: Mapping[Modality, Base]
    """The networks that they belong to."""
    train: Features
    """The training features, with activations in place of a tuned modality's."""
    val: Features
    """The validation features, likewise."""


class TunedMethod(SharesRows, nn.Module):
    """A method with the blocks of its encoders that learn with it; it embeds activations."""

    def __init__(self, method: GradientMethod, tuning: EncoderTuning, config: TuneConfig) -> None:
        super().__init__()
        self.method, self.config, self.bases = method, config, dict(tuning.bases)
        self.tops = nn.ModuleDict(cast("Mapping[str, nn.Module]", tuning.tops))
        for modality, top in tuning.tops.items():
            if config.words and isinstance(top, SentenceTop) and not top.drops_words:
                raise BadSetting(
                    f"tune.words leaves out words, and {tuning.bases[modality].name} reads all of a text. "
                    "Set tune.words=0."
                )
            top.augmentation = Augmentation(config.mirror, config.crop, config.sentences, config.words)
        self.spaces, self.notes, self.mates_in = method.spaces, method.notes, method.mates_in
        self.widths: Any = method.widths  # type: ignore[attr-defined]
        self.reads_parts = True
        self.rows_at_once = min(ROWS_AT_ONCE, method.rows_at_once)

    @property
    def space_widths(self) -> Mapping[str, int]:
        """Dimension of each space of the method."""
        return self.method.space_widths

    @property
    def names_categories(self) -> bool:
        """Whether the method names categories."""
        return isinstance(self.method, NamingMethod) and self.method.names_categories

    def rates(self) -> dict[str, float]:
        """Return for each parameter its factor on the learning rate; 1 for those of the method."""
        rates = {f"method.{name}": 1.0 for name, _ in cast("nn.Module", self.method).named_parameters()}
        for modality, top in self.tops.items():
            depths = cast("Top", top).depths()
            rates |= {f"tops.{modality}.{name}": self.config.rate * self.config.fall**d for name, d in depths.items()}
        return rates

    def reads(self, space: str) -> str | None:
        """Return the modality that a space of the method reads as a sequence."""
        return self.method.reads(space)

    def takes_parts(self, space: str, modality: str) -> bool:
        """Return True for a tuned modality, whose parts are activations."""
        return modality in self.tops or self.method.takes_parts(space, modality)

    def pools(self, space: str) -> tuple[int, ...]:
        """Return the method's pool sizes from parts to fragments."""
        return cast("TraceableMethod", self.method).pools(space)

    def check(self, modality: str, encoded: Encoded) -> None:
        """Refuse features of a frozen modality whose widths differ from the method's."""
        if modality not in self.tops:
            self.method.check(modality, encoded)

    def embed(self, modality: str, batch: FeatureBatch) -> Mapping[str, Embedding]:
        """Embed one modality in each space, from activations if it is tuned."""
        return self.method.embed(modality, self.seen(modality, batch))

    def scaled(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return items as input to the method's spaces."""
        return cast("TraceableMethod", self.method).scaled(modality, self.seen(modality, batch))

    def embed_scaled(self, space: str, modality: str, scaled: FeatureBatch) -> Embedding:
        """Return the result of `embed` in a space, from scaled items."""
        return cast("TraceableMethod", self.method).embed_scaled(space, modality, scaled)

    def shares(self, modality: str, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p k"]:
        """Divide the scaled whole vector of one item among pieces whose sum is the unscaled one."""
        return cast("TraceableMethod", self.method).shares(modality, whole, pieces)

    def logits(self, space: str, vectors: Float[Tensor, "b d_s"]) -> Float[Tensor, "b c"]:
        """Return the method's logits of the categories."""
        return cast("NamingMethod", self.method).logits(space, vectors)

    def condensed(self, features: Features, *, progress: Progress | None = None) -> Features:
        """Return the features as they are: what changes in training cannot be prepared before it."""
        return features

    def prepared(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return one modality of a batch as the method represents it."""
        seen = self.seen(modality, batch)
        return self.method.prepared(modality, seen) if isinstance(self.method, PreparingMethod) else seen

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return the input of the method's loss."""
        return self.method.represent(space, modality, batch)

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the method's losses."""
        return self.method.loss(rows, targets, generator)

    def refit(self, features: Features) -> None:
        """Refit the method's closed-form part, if it has one, on the present whole vectors of the training items."""
        if isinstance(self.method, RefittedMethod):
            self.method.refit(self.features(features))

    def features(self, features: Features) -> Features:
        """Return the present whole vectors of all items, without augmentation and without parts."""
        sides = {m: self._wholes(m, side) for m, side in (("image", features.images), ("text", features.texts))}
        return replace(features, images=sides["image"], texts=sides["text"])

    def seen(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return the features that the learning blocks make of activations; a frozen modality's as they are."""
        if modality not in self.tops:
            return batch
        parts, mask, whole = self.tops[modality](batch.parts, batch.mask)
        return FeatureBatch(whole, parts, mask) if self.method.reads_parts else FeatureBatch(whole)

    @torch.inference_mode()
    def _wholes(self, modality: str, encoded: Encoded) -> Encoded:
        """Return the whole vectors of all items, without augmentation."""
        if modality not in self.tops:
            return replace(encoded, parts=None)
        training, device = self.training, next(self.parameters()).device
        self.eval()
        blocks = (range(at, min(at + ROWS_AT_ONCE, len(encoded))) for at in range(0, len(encoded), ROWS_AT_ONCE))
        seen = [self.seen(modality, FeatureBatch.of(encoded, rows, device=device)).whole.cpu() for rows in blocks]
        self.train(training)
        return Encoded(np.concatenate([each.numpy() for each in seen]), encoder=encoded.encoder)
