"""What every method offers, so that the loop, the measures, the index and the explanations need no more.

A method is fitted on training features, learns further where it learns by gradient (`objective`), and then
*places* features: each of its spaces gives one vector a picture and one a text, compared by inner product, and
its attention weights where it has any.

A file of this room offers, beside its CARD,

    Config      a frozen dataclass of everything that the method can be told
    PRESETS     named configs, `default` among them
    SEARCH      settings by dotted name with the values that a search on validation data may try
    Widths      a frozen dataclass of whole numbers: what a model is built for
    Model       a torch.nn.Module and a `Method`, built as Model(config, widths)

and Model.fitted(config, features, surroundings): finished where the method has a closed form, else with inputs
scaled and first weights drawn. All that placing needs is in the model's state_dict, so saving and loading are one
code for all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from diptych.data.concepts import Concepts
from diptych.data.features import Encoded, Features, Rows
from diptych.maths.sharing import WHOLE, Share


@dataclass(frozen=True)
class Side:
    """One modality of a batch, as tensors."""

    whole: Float[Tensor, "b d"]
    parts: Float[Tensor, "b p e"] | None
    mask: Bool[Tensor, "b p"] | None

    @classmethod
    def of(
        cls,
        encoded: Encoded,
        rows: Rows,
        *,
        device: torch.device | str = "cpu",
        parts: bool = True,
        share: Share = WHOLE,
    ) -> "Side":
        """Return the named items of an encoded modality on a device, with padded `parts` where wanted.

        Of a batch that is shared these are a process's own, as wide as the longest of all.
        """
        own = np.asarray(rows, dtype=np.int64)[share.own(len(rows))]
        whole = torch.from_numpy(encoded.whole[own]).to(device)
        if encoded.parts is None or not parts:
            return cls(whole, None, None)
        values, mask = encoded.parts.padded(own, width=encoded.parts.longest(rows))
        return cls(whole, torch.from_numpy(values).to(device), torch.from_numpy(mask).to(device))


@dataclass(frozen=True)
class Batch:
    """Some pairs: picture k belongs to text k.

    Where processes share a batch, `images` and `texts` are a process's own rows; `labels` and `pairs` are known to all.
    """

    images: Side
    texts: Side
    labels: Bool[Tensor, "n c"] | None
    pairs: Int[Tensor, " n"]
    """The picture's position in the training set: rows with the same number are the same picture."""

    @classmethod
    def of(
        cls,
        features: Features,
        texts: Rows,
        *,
        device: torch.device | str = "cpu",
        parts: bool = True,
        share: Share = WHOLE,
    ) -> "Batch":
        """Return the named texts with the pictures they belong to, and their padded `parts` where wanted."""
        images = features.owner[np.asarray(texts, dtype=np.int64)]
        labels = None if features.labels is None else torch.from_numpy(features.labels[images]).to(device)
        return cls(
            Side.of(features.images, images, device=device, parts=parts, share=share),
            Side.of(features.texts, texts, device=device, parts=parts, share=share),
            labels,
            torch.from_numpy(images).to(device),
        )


@dataclass(frozen=True)
class Placed:
    """Where one space puts pictures and texts; similarity is the inner product."""

    images: Float32[np.ndarray, "n d_s"]
    texts: Float32[np.ndarray, "m d_s"]
    weights: tuple[Float32[np.ndarray, " _"], ...] = ()
    """Attention over the parts of each picture (visual space) or text (textual space); empty without attention."""

    def similarity(self) -> Float32[np.ndarray, "n m"]:
        """Return every picture's similarity to every text."""
        similarity: Float32[np.ndarray, "n m"] = self.images @ self.texts.T
        return similarity

    def take(self, *, images: Rows, texts: Rows) -> "Placed":
        """Return some of the pictures and texts; weights are left behind."""
        return replace(self, images=self.images[np.asarray(images)], texts=self.texts[np.asarray(texts)], weights=())


@dataclass(frozen=True)
class Surroundings:
    """What a few methods learn from beside the training features; most need none of it."""

    concepts: Concepts | None = None
    """What the image network can name: for methods whose card needs `concepts`."""
    unlabelled: Features | None = None
    """Items of the test split without their categories: for configs that are `transductive`."""


NO_SURROUNDINGS = Surroundings()


@runtime_checkable
class Method(Protocol):
    """A trained or trainable way to compare."""

    spaces: tuple[str, ...]
    notes: tuple[str, ...]
    """What a reader of its figures has to know, such as a space that could not be built."""

    def place(self, features: Features) -> Mapping[str, Placed]:
        """Return where each space puts these pictures and texts."""
        ...


@runtime_checkable
class SpanningMethod(Method, Protocol):
    """A method that knows in how few directions some of its vectors lie."""

    def span(self, modality: str) -> Mapping[str, Float[np.ndarray, "d_s m"]]:
        """Return by space columns that every vector of a modality is a combination of.

        A space is left out where a modality's vectors may point anywhere, as behind a sigmoid.
        """
        ...


class Compared(NamedTuple):
    """What a space compares of one modality."""

    vectors: Float[Tensor, "b d_s"]
    weights: Float[Tensor, "b f"] | None = None
    """Attention over parts, or over fragments of them; None where nothing is attended."""


@runtime_checkable
class TraceableMethod(Method, Protocol):
    """A method whose similarities can be followed back to its inputs by gradient; also a `torch.nn.Module`."""

    def scaled(self, modality: str, side: Side) -> Side:
        """Return items as the spaces take them in: whole vectors, and parts where a space reads them."""
        ...

    def shares(self, modality: str, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p k"]:
        """Return the scaled whole vector of one item, divided among pieces that the unscaled one is the sum of."""
        ...

    def reads(self, space: str) -> str | None:
        """Return the modality that a space reads in parts; None where it compares whole vectors alone."""
        ...

    def pools(self, space: str) -> tuple[int, ...]:
        """Return how many parts go into one fragment, pooling by pooling; nothing where attention weighs parts."""
        ...

    def compared(self, space: str, modality: str, scaled: Side) -> Compared:
        """Return the vectors whose inner products are the similarities that `place` gives."""
        ...


@runtime_checkable
class GradientMethod(Method, Protocol):
    """A method that learns by gradient; also a `torch.nn.Module`.

    One that is a `SharesRows` too may be trained by several processes: its objective gathers what its own rows of a
    batch became, and is that of the whole batch in all of them.
    """

    reads_parts: ClassVar[bool]
    """Whether its batches hold regions and words beside whole vectors."""

    def objective(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Return named scalars to be summed and minimised; every draw comes from `generator`."""
        ...


@runtime_checkable
class RefittedMethod(GradientMethod, Protocol):
    """A method that learns by gradient and then solves something on all training features at once."""

    def refit(self, features: Features) -> None:
        """Solve it with the present weights; called before every validation."""
        ...
