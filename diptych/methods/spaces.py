"""A modality-specific semantic space: one modality is read as a sequence, the other is projected into it.

The visual space reads regions and projects texts; the textual space reads words and projects pictures. Both
are this one class: which modality is read is an argument, not a copy.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from diptych.errors import BadSetting
from diptych.maths.attention import ProjectedAttention, Scoring
from diptych.maths.dropout import Dropout
from diptych.maths.recurrence import Fragments, Learning, Recurrence
from diptych.methods.contract import Embedding


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
    whole: bool = True
    """Add a projection of the read modality's whole vector to the attended one."""
    squash: bool = False
    """Pass the projected modality through a sigmoid, as the authors' textual space does."""
    normalise: bool = True
    """Scale both sides to unit length, so that similarities are cosines."""
    attend_padding: bool = False
    """Let attention include padding, as the authors' code does."""
    dropout: float = 0.5
    """Dropout on the LSTM's outputs and on attention's tanh."""
    input_dropout: float = 0.0
    """Dropout on whole vectors before they are projected."""

    def __post_init__(self) -> None:
        for name in ("width", "hidden", "layers", "longest"):
            if getattr(self, name) < 1:
                raise BadSetting(f"the {name} of a space must be at least 1; got {getattr(self, name)}.")
        for name in ("dropout", "input_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise BadSetting(f"the {name} of a space must be at least 0 and below 1; got {getattr(self, name)}.")
        if self.reduce < 0:
            raise BadSetting(f"the reduce of a space must not be negative; got {self.reduce}. 0 keeps all dimensions.")


class Space(nn.Module):
    """A space of one modality. `read` turns its sequences into vectors, `project` the other modality's whole ones."""

    def __init__(self, config: SpaceConfig, *, parts: int, whole: int, other: int) -> None:
        super().__init__()
        self.config = config
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
            self.recurrence.width, config.width, scoring=config.attention, dropout=config.dropout
        )
        self.input_dropout = Dropout(config.input_dropout)
        self.whole = nn.Linear(whole, config.width) if config.whole else None
        self.other = nn.Linear(other, config.width)

    def read(self, parts: Float[Tensor, "b p e"], mask: Bool[Tensor, "b p"], whole: Float[Tensor, "b d"]) -> Embedding:
        """Return the vectors of the read modality, with attention over its parts or fragments."""
        parts, mask = parts[:, : self.config.longest], mask[:, : self.config.longest]
        if self.fragments is not None:
            parts, mask = self.fragments(parts, mask)
        if self.config.attend_padding:
            mask = torch.ones_like(mask)
        vectors, weights = self.attention(self.recurrence(parts, mask), mask)
        if self.whole is not None:
            vectors = vectors + self.whole(self.input_dropout(whole))
        return Embedding(self._finish(vectors), weights, mask)

    def project(self, other: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Return the vectors of the projected modality."""
        vectors = self.other(self.input_dropout(other))
        return self._finish(torch.sigmoid(vectors) if self.config.squash else vectors)

    def span(self, *, read: bool) -> Float[np.ndarray, "d_s m"] | None:
        """Return columns that span all read, or projected, vectors; None after a sigmoid.

        The attended states are lifted by one affine map, whose rank is at most the width of a state plus one.
        """
        if not read and self.config.squash:
            return None
        maps = [self.attention.lift, self.whole] if read else [self.other]
        columns = [torch.column_stack([each.weight, each.bias]) for each in maps if each is not None]
        spanned: Float[np.ndarray, "d_s m"] = torch.cat(columns, dim=1).detach().cpu().numpy()
        return spanned

    def _finish(self, vectors: Float[Tensor, "b d_s"]) -> Float[Tensor, "b d_s"]:
        return normalize(vectors, dim=1) if self.config.normalise else vectors
