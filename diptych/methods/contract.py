"""What every method offers, so that the loop, the measures, the index and the explanations need no more.

A method is fitted on training features, learns further where it learns by gradient, and then *embeds* one modality at
a time: each of its spaces gives one vector an item, compared with the other modality's by inner product, and attention
over the parts where it has any. Placing a data set, a query, a collection's items and explanations all derive from
`embed` (`diptych.methods.embeddings`); the training objective derives from `represent` and `loss`.

A file of this room is a `MethodModule` (`diptych.methods.module`). All that embedding needs is in the model's
state_dict, so saving and loading are one code for all.
"""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from diptych.data.features import Encoded, Features
from diptych.methods.batches import FeatureBatch, Targets


class Embedding(NamedTuple):
    """One modality of a batch in one space."""

    vectors: Float[Tensor, "b d_s"]
    attention: Float[Tensor, "b f"] | None = None
    """Weights over parts, or over fragments of them; None where nothing is attended."""
    mask: Bool[Tensor, "b f"] | None = None
    """Which of the weights belong to an item's own parts, not to padding."""

    def unpadded(self) -> list[Float32[np.ndarray, " f"]]:
        """Return each item's weights over its own parts; nothing where there is no attention."""
        if self.attention is None or self.mask is None:
            return []
        rows = zip(self.attention.float().cpu().numpy(), self.mask.cpu().numpy(), strict=True)
        return [row[present] for row, present in rows]


@runtime_checkable
class Method(Protocol):
    """A trained or trainable way to compare; also a `torch.nn.Module`."""

    spaces: tuple[str, ...]
    notes: tuple[str, ...]
    """What a reader of its figures has to know, such as a space that could not be built."""
    rows_at_once: ClassVar[int]
    """How many items are embedded together: as many as memory and cache like."""

    @property
    def space_widths(self) -> Mapping[str, int]:
        """How many numbers a vector has in each space, in the order of `spaces`."""
        ...

    def reads(self, space: str) -> str | None:
        """Return the modality that a space reads in parts; None where it compares whole vectors alone."""
        ...

    def check(self, modality: str, encoded: Encoded) -> None:
        """Refuse features of other widths than those the model was built for, with `ShapeMismatch`."""
        ...

    def embed(self, modality: str, batch: FeatureBatch) -> Mapping[str, Embedding]:
        """Return what each space makes of one modality; similarity is the inner product of the vectors."""
        ...


@runtime_checkable
class SpanningMethod(Method, Protocol):
    """A method that knows in how few directions some of its vectors lie."""

    def span(self, modality: str) -> Mapping[str, Float[np.ndarray, "d_s m"]]:
        """Return by space columns that every vector of a modality is a combination of.

        A space is left out where a modality's vectors may point anywhere, as behind a sigmoid.
        """
        ...


@runtime_checkable
class TraceableMethod(Method, Protocol):
    """A method whose similarities can be followed back to its inputs by gradient: `embed` in two steps."""

    def scaled(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return items as the spaces take them in: whole vectors, and parts where a space reads them."""
        ...

    def embed_scaled(self, space: str, modality: str, scaled: FeatureBatch) -> Embedding:
        """Return what `embed` gives in a space, from scaled items."""
        ...

    def shares(self, modality: str, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p k"]:
        """Return the scaled whole vector of one item, divided among pieces that the unscaled one is the sum of."""
        ...

    def pools(self, space: str) -> tuple[int, ...]:
        """Return how many parts go into one fragment, pooling by pooling; nothing where attention weighs parts."""
        ...


Representation = Mapping[str, Tensor]
"""What a loss reads of one modality in one space: named tensors with a row an item."""
Representations = Mapping[str, Mapping[str, Representation]]
"""By space, then by modality."""


@runtime_checkable
class GradientMethod(Method, Protocol):
    """A method that learns by gradient.

    Its objective is `loss` of what `represent` gives for each space and modality. The training loop puts the two
    together (`diptych.training.objective`), so it may gather the rows of several processes in between: `represent`
    sees a process's own rows, `loss` those of the whole batch.
    """

    reads_parts: ClassVar[bool]
    """Whether its batches hold regions and words beside whole vectors."""

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return what the loss reads of one modality in a space."""
        ...

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return named scalars to be summed and minimised; every draw comes from `generator`."""
        ...


@runtime_checkable
class RefittedMethod(GradientMethod, Protocol):
    """A method that learns by gradient and then solves something on all training features at once."""

    def refit(self, features: Features) -> None:
        """Solve it with the present weights; called before every validation."""
        ...
