"""MCSM: modality-specific cross-modal similarity measurement with a recurrent attention network.

Objective: two spaces, each trained on its own terms,

    visual space    s_V(p, q) = <sum_j a_j h_j(regions of p), W_V text q>
    textual space   s_T(p, q) = <sum_j a_j h_j(words of q), W_T picture p>

with h = LSTM(parts) lifted into the space, a = softmax(w . tanh(W_a h)), and a fusion of s_V and s_T.

Paper: Peng, Qi & Yuan, arXiv 1708.04776; IEEE TIP 27(11):5585-5599, 2018.
Differs: encoders are frozen, as in the authors' released code, unless `tune` says otherwise. What each preset takes
from the paper and from that code, line by line, is in `diptych.methods.mcsm_presets`. With categories and
`loss.classification` above 0 each space also has a head that predicts categories from either side's vector: an
objective beside the others, and the source of `posteriors` if they have a share in the similarity
(`diptych.methods.posteriors`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log
from typing import ClassVar, cast

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from diptych.data.features import Encoded, Features, Parts
from diptych.errors import BadSetting, MissingData
from diptych.maths.losses import COLDEST, classification_loss
from diptych.maths.sharing import SharesRows
from diptych.methods.batches import FeatureBatch, Targets
from diptych.methods.closed_start import starting_maps
from diptych.methods.contract import Embedding, Representation, Representations
from diptych.methods.inputs import InputConfig, Standardised, check_widths, condensed
from diptych.methods.mcsm_presets import PARTNER_PRESETS, PRESETS, SEARCH, MCSMConfig
from diptych.methods.mixing import Mixture
from diptych.methods.pair_losses import matches_of, pair_losses, partners_of
from diptych.methods.spaces import Space, SpaceConfig
from diptych.progress import Progress
from diptych.rooms import Card

CARD = Card(
    title="MCSM: one semantic space per modality, recurrent attention, adaptive fusion",
    paper="Peng, Qi and Yuan. Modality-specific Cross-modal Similarity Measurement with Recurrent Attention Network. "
    "IEEE Transactions on Image Processing 27(11)",
    year=2018,
    needs=("regions or words",),
    learns="gradient",
)

__all__ = ["CARD", "MCSM", "PARTNER_PRESETS", "PRESETS", "SEARCH", "Config", "Model", "Widths"]

Config = MCSMConfig

READ = {"visual": "image", "textual": "text"}
"""The modality that each space reads as a sequence."""
OTHER = {"image": "text", "text": "image"}
SAMPLE = 20_000
"""Maximum number of training parts on which the projection of parts is fitted."""


@dataclass(frozen=True)
class Widths:
    """The input widths of a model."""

    image_parts: int
    """Dimension of a region; 0 without regions."""
    image_whole: int
    text_parts: int
    """Dimension of a word; 0 without words."""
    text_whole: int
    classes: int
    """Number of categories that the heads predict; 0 without categories."""

    @classmethod
    def of(cls, features: Features) -> "Widths":
        """Return the widths of these features."""
        images, texts = features.images, features.texts
        return cls(
            images.parts.width if images.parts is not None else 0,
            images.whole.shape[1],
            texts.parts.width if texts.parts is not None else 0,
            texts.whole.shape[1],
            0 if features.labels is None else features.labels.shape[1],
        )


class MCSM(SharesRows, nn.Module):
    """The model: inputs standardised, a space for each modality that has parts, a head of categories per space."""

    reads_parts: ClassVar[bool] = True
    rows_at_once: ClassVar[int] = 100

    def __init__(self, config: MCSMConfig, widths: Widths) -> None:
        super().__init__()
        self.config, self.widths = config, widths
        parts = {"image": widths.image_parts, "text": widths.text_parts}
        whole = {"image": widths.image_whole, "text": widths.text_whole}
        self.spaces = tuple(name for name, modality in READ.items() if parts[modality])
        if not self.spaces:
            raise MissingData(
                "MCSM reads regions of pictures or words of texts; these features have neither. "
                "Choose an encoder that gives parts for at least one modality."
            )
        self.notes: tuple[str, ...] = ()
        if len(self.spaces) < len(READ):
            self.notes = (f"only the {self.spaces[0]} space: the other modality has no parts to read",)
        self.whole = nn.ModuleDict(
            {m: Standardised(whole[m], power=self._input(m).power, each=self._input(m).each) for m in OTHER}
        )
        self.parts, self.towers, self.heads = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        readings: dict[str, tuple[SpaceConfig, int]] = {}
        for name in self.spaces:
            own, space = READ[name], getattr(config, name)
            kept = min(space.reduce, parts[own])
            self.parts[own] = Standardised(parts[own], power=self._input(own).power, kept=kept)
            readings[own] = space, kept or parts[own]
        for name in self.spaces:
            own, other = READ[name], OTHER[READ[name]]
            space, read = readings[own]
            self.towers[name] = Space(
                space, parts=read, whole=whole[own], other=whole[other], other_reading=readings.get(other)
            )
            if widths.classes and config.loss.classification:
                self.heads[name] = nn.Linear(space.width, widths.classes)
        contrasts = config.loss.contrastive or config.loss.partner
        self.scales = nn.ParameterDict(
            {
                name: nn.Parameter(torch.tensor(-log(config.loss.temperature)))
                for name in (self.spaces if config.loss.learn_temperature and contrasts else ())
            }
        )
        if not (config.loss.margin or config.loss.contrastive or config.loss.partner or len(self.heads)):
            raise BadSetting(
                "MCSM has nothing to minimise: loss.margin, loss.contrastive and loss.partner are 0, and "
                "loss.classification is 0 or there are no categories. Set one of them above 0, such as "
                "--set loss.contrastive=1."
            )

    def _input(self, modality: str) -> InputConfig:
        return self.config.image if modality == "image" else self.config.text

    def _scaling(self, modality: str, *, parts: bool = False) -> Standardised:
        return cast("Standardised", (self.parts if parts else self.whole)[modality])

    def _tower(self, name: str) -> Space:
        return cast("Space", self.towers[name])

    @classmethod
    def fitted(cls, config: MCSMConfig, features: Features) -> "MCSM":
        """Return a randomly initialised model with its input standardisation fitted on these training features."""
        model = cls(config, Widths.of(features))
        sides = {"image": features.images, "text": features.texts}
        for modality, encoded in sides.items():
            if model._input(modality).centre:
                model._scaling(modality).fit(encoded.whole)
        for name in model.spaces:
            parts = sides[READ[name]].parts
            if parts is not None and getattr(config, name).reduce:
                model._scaling(READ[name], parts=True).fit(_sample_of_parts(parts))
            model._tower(name).drop_inputs(len(features.images))
        model._begin(features)
        return model

    def _begin(self, features: Features) -> None:
        """Start every space as `start` says: at random maps or a closed form, solved on these training features."""
        start = self.config.start
        if start.form == "random":
            for name in self.spaces:
                self._tower(name).scale_maps(start.scale)
            return
        sides = {"image": features.images.take(features.owner), "text": features.texts}
        with torch.inference_mode():
            rows = {
                m: self._scaling(m)(torch.from_numpy(side.in_memory())).double().numpy() for m, side in sides.items()
            }
        for name in self.spaces:
            space = self._tower(name)
            maps = starting_maps(start, rows["image"], rows["text"], features.text_labels, width=space.config.width)
            own = READ[name]
            space.begin_at(getattr(maps, own), getattr(maps, OTHER[own]), keep=start.keep)

    @property
    def mates_in(self) -> tuple[str, ...]:
        """The textual space, where the authors' texts learn from class-mates of their pictures."""
        mates = self.config.loss.textual_positives == "class-mate"
        return tuple(name for name in self.spaces if mates and name == "textual")

    @property
    def space_widths(self) -> dict[str, int]:
        """Dimension of each space."""
        return {name: self._tower(name).config.width for name in self.spaces}

    @property
    def names_categories(self) -> bool:
        """Whether every space has a head that predicts categories."""
        return len(self.heads) == len(self.spaces)

    def check(self, modality: str, encoded: Encoded) -> None:
        """Refuse features whose widths differ from the model's."""
        check_widths(self.widths, modality, encoded)

    def embed(self, modality: str, batch: FeatureBatch) -> dict[str, Embedding]:
        """Embed one modality in each space, with attention over the parts that the space reads."""
        scaled = self.scaled(modality, batch)
        return {name: self.embed_scaled(name, modality, scaled) for name in self.spaces}

    def prepared(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return the scaled batch, without parts if no space takes them."""
        taken = any(self.takes_parts(space, modality) for space in self.spaces)
        if taken and batch.condensed:
            return FeatureBatch(self._scaling(modality)(batch.whole), batch.parts, batch.mask)
        return self.scaled(modality, batch if taken else FeatureBatch(batch.whole))

    def condensed(self, features: Features, *, progress: Progress | None = None) -> Features:
        """Return training features with their parts' principal components, in half precision.

        A modality stays as it is if it is not reduced, or if memory does not suffice (`diptych.methods.inputs`).
        """
        return replace(
            features,
            images=self._condensed("image", features.images, progress),
            texts=self._condensed("text", features.texts, progress),
        )

    def _condensed(self, modality: str, encoded: Encoded, progress: Progress | None) -> Encoded:
        if modality not in self.parts:
            return encoded
        return condensed(encoded, self._scaling(modality, parts=True), of=modality, progress=progress)

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return a space's vectors before `Space.finish`, from a batch of `prepared`: the loss may mix them."""
        return {"vectors": self._read(space, modality, batch).vectors}

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the weighted losses of each space by name; their sum is minimised."""
        matches, partners, loss = matches_of(targets), partners_of(targets), self.config.loss
        labels: Tensor | None = targets.labels
        mixture = Mixture.drawn(len(matches), generator).to(matches.device) if loss.mixup else None
        if mixture is not None:
            matches, partners = mixture.matches(matches), torch.eye(len(matches), device=matches.device)
            labels = None if labels is None else mixture.categories(labels)
        terms: dict[str, Tensor] = {}
        for name, sides in rows.items():
            vectors = (sides[modality]["vectors"] for modality in OTHER)
            images, texts = (self._tower(name).finish(raw if mixture is None else mixture.of(raw)) for raw in vectors)
            temperature = torch.exp(-self.scales[name].clamp(max=COLDEST)) if name in self.scales else loss.temperature
            own = pair_losses(loss, images @ texts.T, matches, generator, partners=partners, temperature=temperature)
            if name in self.heads and labels is not None:
                logits = self.logits(name, torch.cat([images, texts]))
                classified = classification_loss(logits, labels.repeat(2, 1), smoothing=loss.smoothing)
                own["classification"] = loss.classification * classified
            terms |= {f"{name} {term}": value for term, value in own.items()}
        return terms

    def span(self, modality: str) -> Mapping[str, Float[np.ndarray, "d_s m"]]:
        """Return, by space, the columns of the final affine maps."""
        spans = {name: self._tower(name).span(read=modality == READ[name]) for name in self.spaces}
        return {name: span for name, span in spans.items() if span is not None}

    def scaled(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return items as input to the spaces: whole vectors, and parts if a space reads them."""
        read = batch.parts is not None and modality in self.parts
        parts = self._scaling(modality, parts=True)(batch.parts) if read else None
        return FeatureBatch(self._scaling(modality)(batch.whole), parts, batch.mask if read else None)

    def shares(self, modality: str, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p k"]:
        """Divide the scaled whole vector of one item among pieces whose sum is the unscaled one."""
        return self._scaling(modality).shares(whole, pieces)

    def reads(self, space: str) -> str | None:
        """Return the modality that a space reads in parts."""
        return READ[space]

    def takes_parts(self, space: str, modality: str) -> bool:
        """Return whether a space's vectors of a modality depend on its parts."""
        return modality == READ[space] or self._tower(space).other_reader is not None

    def pools(self, space: str) -> tuple[int, ...]:
        """Return the pool sizes from parts to fragments; empty if attention is over parts."""
        fragments = self._tower(space).fragments
        return () if fragments is None else fragments.pools

    def embed_scaled(self, space: str, modality: str, scaled: FeatureBatch) -> Embedding:
        """Return a space's vectors and attention, from scaled items."""
        read = self._read(space, modality, scaled)
        return read._replace(vectors=self._tower(space).finish(read.vectors))

    def _read(self, space: str, modality: str, scaled: FeatureBatch) -> Embedding:
        """Return the result of `embed_scaled` before `Space.finish`."""
        tower, lacking = self._tower(space), scaled.parts is None or scaled.mask is None
        if self.takes_parts(space, modality) and lacking:
            raise MissingData(f"the {space} space reads the parts of {modality}s, and these features have none.")
        if modality != READ[space]:
            return Embedding(tower.project(scaled.whole, scaled.parts, scaled.mask))
        return tower.read(cast("Tensor", scaled.parts), cast("Tensor", scaled.mask), scaled.whole)

    def logits(self, space: str, vectors: Float[Tensor, "b d_s"]) -> Float[Tensor, "b c"]:
        """Return the logits of the categories from vectors of either modality in a space."""
        logits: Tensor = self.heads[space](vectors * self.config.loss.sharpness)
        return logits


Model = MCSM


def _sample_of_parts(parts: Parts) -> Float32[np.ndarray, "s d"]:
    """Return up to `SAMPLE` parts, sampled evenly over all items."""
    items = np.linspace(0, len(parts) - 1, min(len(parts), SAMPLE)).astype(int).tolist()
    each = SAMPLE // len(items)
    sequences = [rows for item in items if len(rows := parts.sequence(item))]
    spread = [rows[np.linspace(0, len(rows) - 1, min(each, len(rows))).astype(int)] for rows in sequences]
    return np.concatenate(spread).astype(np.float32)
