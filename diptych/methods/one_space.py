"""The base of methods that compare whole vectors in one common space."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn
from torch.nn.functional import normalize

from diptych.data.features import Encoded, Features
from diptych.maths.sharing import SharesRows
from diptych.methods.batches import FeatureBatch
from diptych.methods.contract import Embedding
from diptych.methods.inputs import InputConfig, Inputs, Widths, check_widths


@runtime_checkable
class ScalesInputs(Protocol):
    """A config with the scaling of each modality."""

    @property
    def image(self) -> InputConfig:
        """Scaling of picture features."""
        ...

    @property
    def text(self) -> InputConfig:
        """Scaling of text features."""
        ...


class OneSpace(SharesRows, nn.Module, ABC):
    """A method with one space, called `common`; similarity is the cosine, or the inner product without `cosine`."""

    spaces: tuple[str, ...] = ("common",)
    notes: tuple[str, ...] = ()
    reads_parts: ClassVar[bool] = False
    rows_at_once: ClassVar[int] = 4096
    mates_in: tuple[str, ...] = ()
    cosine: ClassVar[bool] = True
    """Whether vectors are scaled to unit length."""

    def __init__(self, config: ScalesInputs, widths: Widths) -> None:
        super().__init__()
        self.widths = widths
        self.inputs = Inputs(config.image, config.text, widths)

    def fit_inputs(self, features: Features) -> tuple[Float64[np.ndarray, "m d_v"], Float64[np.ndarray, "m d_t"]]:
        """Fit the scaling of both modalities, and return the scaled training pairs, picture and text row by row."""
        self.inputs.fit(features)
        images, texts = _matched(features)
        return self.inputs.scaled("image", images), self.inputs.scaled("text", texts)

    @abstractmethod
    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Embed scaled whole vectors of a modality (`image` or `text`) in the space."""

    @property
    def space_widths(self) -> Mapping[str, int]:
        """Dimension of the space."""
        return {"common": self.width}

    @property
    @abstractmethod
    def width(self) -> int:
        """Dimension of the result of `vectors`."""

    def reads(self, space: str) -> None:
        """Return None: only whole vectors are compared."""
        return

    def takes_parts(self, space: str, modality: str) -> bool:
        """Return False: only whole vectors are compared."""
        return False

    def pools(self, space: str) -> tuple[int, ...]:
        """Return an empty tuple: there are no fragments."""
        return ()

    def check(self, modality: str, encoded: Encoded) -> None:
        """Refuse features whose widths differ from the model's."""
        check_widths(self.widths, modality, encoded)

    def scaled(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return items with scaled whole vectors and without parts."""
        return FeatureBatch(self.inputs(modality, batch.whole))

    def shares(self, modality: str, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p d"]:
        """Divide the scaled whole vector of one item among pieces whose sum is the unscaled one."""
        return self.inputs.shares(modality, whole, pieces)

    def embed_scaled(self, space: str, modality: str, scaled: FeatureBatch) -> Embedding:
        """Return the vectors whose inner products are the similarities."""
        vectors = self.vectors(modality, scaled.whole)
        return Embedding((normalize(vectors, dim=1) if self.cosine else vectors).float())

    def embed(self, modality: str, batch: FeatureBatch) -> dict[str, Embedding]:
        """Return the embeddings of one modality."""
        return {"common": self.embed_scaled("common", modality, self.scaled(modality, batch))}


class Projections(OneSpace):
    """A method in closed form whose space is a linear map of each modality: v = x A, u = y B."""

    linear: ClassVar[bool] = True
    """Whether these are the embeddings up to their lengths."""

    def __init__(self, config: ScalesInputs, widths: Widths, *, dimensions: int) -> None:
        super().__init__(config, widths)
        self.register_buffer("image_basis", torch.zeros(widths.image, dimensions))
        self.register_buffer("text_basis", torch.zeros(widths.text, dimensions))

    def keep(self, image: Float[np.ndarray, "d_v k"], text: Float[np.ndarray, "d_t k"]) -> None:
        """Store the solved maps; with fewer directions than dimensions, the last stay 0."""
        for basis, solved in ((self.image_basis, image), (self.text_basis, text)):
            basis.zero_()[:, : solved.shape[1]] = torch.from_numpy(solved)

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Return x A or y B."""
        basis: Tensor = getattr(self, f"{modality}_basis")
        return whole @ basis

    @property
    def width(self) -> int:
        """Number of directions."""
        return self.image_basis.shape[1]

    def span(self, modality: str) -> Mapping[str, Float[np.ndarray, "d_s m"]]:
        """Return the rows of A or B, which span every vector."""
        basis: Tensor = getattr(self, f"{modality}_basis")
        return {"common": basis.T.cpu().numpy()} if self.linear else {}

    image_basis: Tensor
    text_basis: Tensor


def _matched(features: Features) -> tuple[Encoded, Encoded]:
    """Return pictures and texts row by row; a picture with several texts is repeated for each of them."""
    alone = len(features.owner) == len(features.images) and (features.owner == np.arange(len(features.owner))).all()
    return (features.images if alone else features.images.take(features.owner)), features.texts
