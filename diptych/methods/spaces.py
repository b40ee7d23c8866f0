"""A modality-specific semantic space: one modality is read as a sequence, the other is projected into it.

The visual space reads regions and projects texts; the textual space reads words and projects pictures. Both
are this one class: which modality is read is an argument, not a copy.

Differs: with `other_parts` the projected modality brings its own parts too. They are attended as the other space reads
them, with weights of their own, and added to the projection; in the paper only the whole vector is projected.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn
from torch.nn.functional import normalize

from diptych.errors import BadSetting
from diptych.maths.attention import ProjectedAttention, Scoring
from diptych.maths.dropout import Dropout
from diptych.maths.recurrence import Fragments, Learning, Recurrence
from diptych.methods.contract import Embedding

FALLING = 0.7
"""The power of the number of training pairs with which the odds of `input_dropout` fall."""


@dataclass(frozen=True)
class SpaceConfig:
    """Settings of one space: how it reads its sequence and projects the other modality."""

    width: int = 512
    """Dimensions of the space."""
    reduce: int = 256
    """Principal components to which parts are reduced before they are read; 0 keeps the encoder's width."""
    longest: int = 512
    """Maximum number of parts; longer sequences are truncated. The authors read 2,904 words."""
    fragments: tuple[tuple[int, int, int], ...] = ()
    """Convolution stages over the parts, each (channels, kernel, pool); empty to read the parts directly."""
    recurrence: Learning = "trained"
    """The LSTM is `trained`, `frozen` at its random initialisation, or absent (`none`)."""
    hidden: int = 128
    """Width of an LSTM state, in each direction."""
    layers: int = 1
    """LSTM layers."""
    bidirectional: bool = True
    """Read the sequence in both directions."""
    attention: Scoring = "projected"
    """`projected` scores with W_a, `plain` without it, `mean` weights all parts equally."""
    heads: int = 1
    """Attention heads, each with weights and a map into the space of its own; more than one with `projected` only."""
    whole: bool = True
    """Add a projection of the read modality's whole vector to the attended one."""
    lift_scale: float = 1.0
    """Factor on the initial map of attended parts into the space; below 1 they begin as a small residual."""
    other_parts: bool = False
    """Add the attended parts of the projected modality, read as in the other space, to its projection."""
    squash: bool = False
    """Pass the projected modality through a sigmoid, as the authors' textual space does."""
    normalise: bool = True
    """Scale both sides to unit length, so that similarities are cosines."""
    attend_padding: bool = False
    """Let attention include padding, as the authors' code does."""
    padded: int = 0
    """With `attend_padding`, pad every sequence to this many parts, as the authors' code does (2,904); 0 pads to the
    longest of a batch, on which a text's vector then depends."""
    dropout: float = 0.5
    """Dropout on the LSTM's outputs and on attention's tanh."""
    part_dropout: float = 0.0
    """Dropout on the parts before they are read, of the same components in all parts of an item."""
    input_dropout: float = 0.0
    """Dropout on whole vectors before they are projected."""
    input_dropout_pairs: int = 0
    """The number of training pairs that `input_dropout` is meant for: with more, its odds fall with their number to the
    power of .7, so that large data are regularised less. 0 keeps it whatever their number."""

    def __post_init__(self) -> None:
        for name in ("width", "hidden", "layers", "longest", "heads"):
            if getattr(self, name) < 1:
                raise BadSetting(f"the {name} of a space must be at least 1; got {getattr(self, name)}.")
        if not self.lift_scale > 0:
            raise BadSetting(f"the lift_scale of a space must be above 0; got {self.lift_scale}.")
        if self.heads > 1 and self.attention != "projected":
            raise BadSetting(
                f"several heads need attention=projected; got {self.heads} heads with attention={self.attention}."
            )
        for name in ("dropout", "part_dropout", "input_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise BadSetting(f"the {name} of a space must be at least 0 and below 1; got {getattr(self, name)}.")
        for name, means in (
            ("reduce", "keeps all dimensions"),
            ("padded", "pads to the longest of a batch"),
            ("input_dropout_pairs", "keeps input_dropout whatever the number of pairs"),
        ):
            if getattr(self, name) < 0:
                raise BadSetting(f"the {name} of a space must not be negative; got {getattr(self, name)}. 0 {means}.")

    def input_dropout_among(self, pairs: int) -> float:
        """Return the dropout on whole vectors for so many training pairs.

        >>> SpaceConfig(input_dropout=0.7, input_dropout_pairs=800).input_dropout_among(8000)
        0.31766752876485166
        """
        if not 0 < self.input_dropout_pairs < pairs:
            return self.input_dropout
        odds = self.input_dropout / (1 - self.input_dropout) * (self.input_dropout_pairs / pairs) ** FALLING
        return float(odds / (1 + odds))


class Reader(nn.Module):
    """Read a sequence of parts into one vector of a space: fragments if there are any, recurrence, attention."""

    def __init__(self, config: SpaceConfig, *, parts: int, width: int) -> None:
        super().__init__()
        self.config = config
        self.part_dropout = Dropout(config.part_dropout, alike=True)
        self.fragments = Fragments(parts, config.fragments) if config.fragments else None
        self.recurrence = Recurrence(
            self.fragments.width if self.fragments else parts,
            config.hidden,
            learning=config.recurrence,
            layers=config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout,
        )
        self.attention = ProjectedAttention(
            self.recurrence.width, width, scoring=config.attention, dropout=config.dropout, heads=config.heads
        )
        with torch.no_grad():
            self.attention.lift.weight *= config.lift_scale

    def attended(self, parts: Float[Tensor, "b p e"], mask: Bool[Tensor, "b p"]) -> Embedding:
        """Return the attended vectors of sequences, at any length, with the weights of parts or fragments."""
        parts, mask = self.part_dropout(parts[:, : self.config.longest]), mask[:, : self.config.longest]
        if self.fragments is not None:
            parts, mask = self.fragments(parts, mask)
        if self.config.attend_padding:
            parts, mask = self._padded(parts), torch.ones_like(self._padded(mask))
        vectors, weights = self.attention(self.recurrence(parts, mask), mask)
        return Embedding(vectors, weights, mask)

    def lifts_nothing(self) -> None:
        """Set the map of attended states into the space to 0, where training begins."""
        nn.init.zeros_(self.attention.lift.weight)
        nn.init.zeros_(self.attention.lift.bias)

    def _padded(self, values: Shaped[Tensor, "b f *any"]) -> Shaped[Tensor, "b g *any"]:
        """Return sequences with zeros up to `padded` parts, or to the fragments of as many."""
        wanted = self.config.padded
        for pool in () if self.fragments is None else self.fragments.pools:
            wanted = -(-wanted // pool)
        lacking = values.new_zeros((values.shape[0], max(0, wanted - values.shape[1]), *values.shape[2:]))
        return torch.cat([values, lacking], dim=1)


class Space(Reader):
    """A space of one modality. `read` embeds its sequences, `project` the other modality."""

    def __init__(
        self,
        config: SpaceConfig,
        *,
        parts: int,
        whole: int,
        other: int,
        other_reading: tuple[SpaceConfig, int] | None = None,
    ) -> None:
        """Construct the space for widths of parts and of whole vectors.

        `other_reading` is how the other space reads the projected modality, and the width of its parts; None without
        parts.
        """
        super().__init__(config, parts=parts, width=config.width)
        self.input_dropout = Dropout(config.input_dropout)
        self.whole = nn.Linear(whole, config.width) if config.whole else None
        self.other = nn.Linear(other, config.width)
        self.other_reader: Reader | None = None
        if config.other_parts and other_reading is not None:
            self.other_reader = Reader(other_reading[0], parts=other_reading[1], width=config.width)

    def read(self, parts: Float[Tensor, "b p e"], mask: Bool[Tensor, "b p"], whole: Float[Tensor, "b d"]) -> Embedding:
        """Return the vectors of the read modality before `finish`, with attention over its parts or fragments."""
        attended = self.attended(parts, mask)
        vectors = attended.vectors
        if self.whole is not None:
            vectors = vectors + self.whole(self.input_dropout(whole))
        return attended._replace(vectors=vectors)

    def project(
        self,
        other: Float[Tensor, "b d"],
        parts: Float[Tensor, "b p e"] | None = None,
        mask: Bool[Tensor, "b p"] | None = None,
    ) -> Float[Tensor, "b d_s"]:
        """Return the vectors of the projected modality before `finish`; parts count with `other_parts` only."""
        vectors = self.other(self.input_dropout(other))
        if self.other_reader is not None and parts is not None and mask is not None:
            vectors = vectors + self.other_reader.attended(parts, mask).vectors
        return torch.sigmoid(vectors) if self.config.squash else vectors

    def drop_inputs(self, pairs: int) -> None:
        """Set the dropout on whole vectors that so many training pairs need."""
        self.input_dropout = Dropout(self.config.input_dropout_among(pairs))

    def scale_maps(self, factor: float) -> None:
        """Multiply the maps of whole vectors."""
        with torch.no_grad():
            for layer in (self.whole, self.other):
                if layer is not None:
                    layer.weight *= factor

    def begin_at(self, read: Float[np.ndarray, "d k"], other: Float[np.ndarray, "e k"], *, keep: bool = False) -> None:
        """Start at linear maps of whole vectors: their columns are the first dimensions, and parts add nothing yet.

        With `keep` the maps do not learn.
        """
        if self.whole is None or self.config.squash:
            raise BadSetting(
                "a space starts at a closed form only where it projects the whole vectors of both modalities, without "
                "a sigmoid. Set whole=true and squash=false for each space, or start.form=random."
            )
        for layer, columns in ((self.whole, read), (self.other, other)):
            with torch.no_grad():
                layer.weight.zero_()[: columns.shape[1]] = torch.from_numpy(columns.T)
                layer.bias.zero_()
            layer.requires_grad_(not keep)
        self.lifts_nothing()
        if self.other_reader is not None:
            self.other_reader.lifts_nothing()

    def span(self, *, read: bool) -> Float[np.ndarray, "d_s m"] | None:
        """Return columns that span all read, or projected, vectors; None after a sigmoid.

        The attended states are lifted by one affine map, whose rank is at most the width of a state plus one.
        """
        if not read and self.config.squash:
            return None
        other = [self.other, *([self.other_reader.attention.lift] if self.other_reader else [])]
        maps = [self.attention.lift, self.whole] if read else other
        columns = [torch.column_stack([each.weight, each.bias]) for each in maps if each is not None]
        spanned: Float[np.ndarray, "d_s m"] = torch.cat(columns, dim=1).detach().cpu().numpy()
        return spanned

    def finish(self, vectors: Float[Tensor, "b d_s"]) -> Float[Tensor, "b d_s"]:
        """Return vectors as they are compared: of unit length with `normalise`."""
        return normalize(vectors, dim=1) if self.config.normalise else vectors
