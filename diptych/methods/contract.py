"""The interface of every method for the training loop, evaluation, the index and explanations.

A method is fitted on training features, is trained further if it learns by gradient, and then *embeds* one modality at
a time: each of its spaces gives one vector per item, compared with the other modality's by inner product, and attention
over the parts if it has any. Embedding a data set, a query or a collection's items and explanations all derive from
`embed` (`diptych.methods.embeddings`); the training objective derives from `represent` and `loss`.

A file in this folder is a `MethodModule` (`diptych.methods.module`). Everything that embedding needs is in the
model's state_dict, so saving and loading are the same for all methods.
"""

from collections.abc import Mapping
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from diptych.data.features import Encoded, Features
from diptych.methods.batches import FeatureBatch, Targets
from diptych.progress import Progress


class Embedding(NamedTuple):
    """One modality of a batch in one space."""

    vectors: Float[Tensor, "b d_s"]
    attention: Float[Tensor, "b f"] | None = None
    """Weights over parts or fragments; None without attention."""
    mask: Bool[Tensor, "b f"] | None = None
    """Marks the weights of an item's own parts, as opposed to padding."""

    def unpadded(self) -> list[Float32[np.ndarray, " f"]]:
        """Return each item's weights over its own parts; empty without attention."""
        if self.attention is None or self.mask is None:
            return []
        rows = zip(self.attention.float().cpu().numpy(), self.mask.cpu().numpy(), strict=True)
        return [row[present] for row, present in rows]


@runtime_checkable
class Method(Protocol):
    """A trained or trainable method; also a `torch.nn.Module`."""

    spaces: tuple[str, ...]
    notes: tuple[str, ...]
    """Notes for readers of its results, such as a space that could not be built."""

    @property
    def rows_at_once(self) -> int:
        """Batch size of embedding, chosen for memory and cache."""
        ...

    @property
    def space_widths(self) -> Mapping[str, int]:
        """Dimension of each space, in the order of `spaces`."""
        ...

    def reads(self, space: str) -> str | None:
        """Return the modality that a space reads as a sequence of parts; None if it compares whole vectors only."""
        ...

    def takes_parts(self, space: str, modality: str) -> bool:
        """Return whether a space's vectors of a modality depend on its parts."""
        ...

    def check(self, modality: str, encoded: Encoded) -> None:
        """Raise `ShapeMismatch` for features whose widths differ from the model's."""
        ...

    def embed(self, modality: str, batch: FeatureBatch) -> Mapping[str, Embedding]:
        """Embed one modality in each space; similarity is the inner product of the vectors."""
        ...


@runtime_checkable
class SpanningMethod(Method, Protocol):
    """A method that knows low-dimensional subspaces that contain its embeddings."""

    def span(self, modality: str) -> Mapping[str, Float[np.ndarray, "d_s m"]]:
        """Return, by space, columns that span every vector of a modality.

        A space is omitted if a modality's vectors may point in any direction, as after a sigmoid.
        """
        ...


@runtime_checkable
class TraceableMethod(Method, Protocol):
    """A method that supports gradient attribution of its similarities: `embed` in two steps."""

    def scaled(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return items as input to the spaces: whole vectors, and parts if a space reads them."""
        ...

    def embed_scaled(self, space: str, modality: str, scaled: FeatureBatch) -> Embedding:
        """Return the result of `embed` in a space, from scaled items."""
        ...

    def shares(self, modality: str, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p k"]:
        """Divide the scaled whole vector of one item among pieces whose sum is the unscaled one."""
        ...

    def pools(self, space: str) -> tuple[int, ...]:
        """Return the pool sizes from parts to fragments; empty if attention is over parts."""
        ...


@runtime_checkable
class NamingMethod(Method, Protocol):
    """A method that may learn to name categories from its own vectors."""

    @property
    def names_categories(self) -> bool:
        """Whether it has learnt to."""
        ...

    def logits(self, space: str, vectors: Float[Tensor, "b d_s"]) -> Float[Tensor, "b c"]:
        """Return the logits of the categories from vectors of either modality in a space."""
        ...


Representation = Mapping[str, Tensor]
"""The input of a loss from one modality in one space: named tensors with a row per item."""
Representations = Mapping[str, Mapping[str, Representation]]
"""By space, then by modality."""


@runtime_checkable
class GradientMethod(Method, Protocol):
    """A method that learns by gradient.

    Its objective is the `loss` of the results of `represent` for each space and modality. The training loop combines
    the two (`diptych.training.objective`), so it can gather the rows of several processes in between: `represent`
    receives a process's own rows, `loss` those of the whole batch.
    """

    reads_parts: ClassVar[bool]
    """Whether its batches contain regions and words besides whole vectors."""

    @property
    def mates_in(self) -> tuple[str, ...]:
        """Spaces in which a text's picture is replaced by one of the same category from the whole training set."""
        ...

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        """Return the input of the loss from one modality in a space."""
        ...

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        """Return named scalars to be summed and minimised; all sampling uses `generator`."""
        ...


@runtime_checkable
class PreparingMethod(GradientMethod, Protocol):
    """A method that does work on inputs before training steps, once for all its spaces and epochs."""

    def condensed(self, features: Features, *, progress: Progress | None = None) -> Features:
        """Return training features with what every step would compute anew; the same ones if memory does not suffice.

        What was condensed is marked `Encoded.condensed`, and its batches `FeatureBatch.condensed`.
        """
        ...

    def prepared(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return one modality of a batch as `represent` takes it in every space."""
        ...


@runtime_checkable
class RatedMethod(GradientMethod, Protocol):
    """A method whose parameters do not all learn at the same rate."""

    def rates(self) -> Mapping[str, float]:
        """Return the factor of each named parameter on the learning rate."""
        ...


@runtime_checkable
class RefittedMethod(GradientMethod, Protocol):
    """A method that learns by gradient and is then refitted on all training features at once."""

    def refit(self, features: Features) -> None:
        """Refit the closed-form part with the current weights; called before every validation."""
        ...
