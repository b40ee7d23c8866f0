"""Posteriors of the categories beside a method's vectors: the same mixture for every method.

Similarity in each space, with a share h and the posteriors p of the picture and q of the text:

    (1 - h) <v, u> + h cos(p, q)   =   <[sqrt(1-h) v ; sqrt(h) p/|p|], [sqrt(1-h) u ; sqrt(h) q/|q|]>

It stays one inner product, which an index can serve. A ranking by posteriors finds items of the same category and knows
nothing of partners; how much a method owes to them is the difference between its rows without and with them.

Posteriors are softmax(logits / temperature). The logits are the method's own where its vectors name categories
(`NamingMethod`, such as MCSM with `loss.classification`), and otherwise those of one logistic regression per modality
on the scaled whole vectors that the method reads, solved on the training items after the method has learnt.
"""

from collections.abc import Mapping
from copy import copy
from math import sqrt
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import block_diag
from torch import Tensor, nn
from torch.nn.functional import normalize

from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting, MissingData
from diptych.methods.batches import FeatureBatch
from diptych.methods.categories import classifier, labels_of
from diptych.methods.contract import Embedding, Method, NamingMethod, SpanningMethod, TraceableMethod
from diptych.methods.module import PosteriorsConfig
from diptych.modality import MODALITIES

ROWS_AT_ONCE = 4096


class WithPosteriors(nn.Module):
    """A trained method whose similarities also compare the categories' posteriors.

    It has the spaces of the method, each wider by the number of categories.
    """

    def __init__(self, config: PosteriorsConfig, method: Method, *, widths: Mapping[str, int], classes: int) -> None:
        """Construct the wrapper; `widths` are those of the method's scaled whole vectors, by modality."""
        super().__init__()
        if not isinstance(method, TraceableMethod):
            raise BadSetting(f"{type(method).__name__} has no scaled inputs to name categories from; set share 0.")
        if not classes:
            raise MissingData(
                "posteriors.share needs categories, and these pairs have none. Add categories, or set "
                "posteriors.share=0."
            )
        self.config, self.method, self.classes = config, method, classes
        self.spaces, self.notes = method.spaces, method.notes
        self.own = isinstance(method, NamingMethod) and method.names_categories
        self.classifiers = nn.ModuleDict(
            {} if self.own else {modality: nn.Linear(widths[modality], classes) for modality in MODALITIES}
        )

    @classmethod
    def fitted(cls, config: PosteriorsConfig, method: Method, features: Features) -> "WithPosteriors":
        """Return the wrapper of a trained method, with its regressions solved on these training features."""
        labels = labels_of(features, wanted_by="posteriors.share")
        sides = {"image": features.images, "text": features.texts}
        wrapped = cls(
            config,
            method,
            widths={modality: side.whole.shape[1] for modality, side in sides.items()},
            classes=labels.shape[1],
        )
        for modality, of_items in (("image", np.asarray(features.labels)), ("text", labels)):
            if modality in wrapped.classifiers:
                rows = wrapped._scaled_rows(modality, sides[modality])
                solved = classifier(rows, of_items, strength=config.strength)
                layer = cast("nn.Linear", wrapped.classifiers[modality])
                layer.load_state_dict(
                    {
                        "weight": torch.from_numpy(solved.weights.T).float(),
                        "bias": torch.from_numpy(solved.bias).float(),
                    }
                )
        tensors = [*wrapped.parameters(), *wrapped.buffers()]
        return wrapped.to(tensors[0].device) if tensors else wrapped

    def mixing(self, config: PosteriorsConfig) -> "WithPosteriors":
        """Return the same method and classifiers under another share and temperature."""
        mixed = copy(self)
        mixed.config = config
        return mixed

    @property
    def rows_at_once(self) -> int:
        """Batch size of embedding: the method's."""
        return self.method.rows_at_once

    @property
    def space_widths(self) -> dict[str, int]:
        """Dimension of each space, posteriors included."""
        return {space: width + self.classes for space, width in self.method.space_widths.items()}

    def reads(self, space: str) -> str | None:
        """Return the modality that a space of the method reads as a sequence."""
        return self.method.reads(space)

    def takes_parts(self, space: str, modality: str) -> bool:
        """Return whether the method's vectors of a modality depend on its parts."""
        return self.method.takes_parts(space, modality)

    def pools(self, space: str) -> tuple[int, ...]:
        """Return the method's pool sizes from parts to fragments."""
        return self.method.pools(space)

    def check(self, modality: str, encoded: Encoded) -> None:
        """Refuse features whose widths differ from the method's."""
        self.method.check(modality, encoded)

    def scaled(self, modality: str, batch: FeatureBatch) -> FeatureBatch:
        """Return items as input to the method's spaces."""
        return self.method.scaled(modality, batch)

    def shares(self, modality: str, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p k"]:
        """Divide the scaled whole vector of one item among pieces whose sum is the unscaled one."""
        return self.method.shares(modality, whole, pieces)

    def embed(self, modality: str, batch: FeatureBatch) -> dict[str, Embedding]:
        """Embed one modality in each space, posteriors appended."""
        scaled = self.method.scaled(modality, batch)
        return {space: self.embed_scaled(space, modality, scaled) for space in self.spaces}

    def embed_scaled(self, space: str, modality: str, scaled: FeatureBatch) -> Embedding:
        """Return the result of `embed` in a space, from scaled items."""
        embedding = self.method.embed_scaled(space, modality, scaled)
        posteriors = (self._logits(space, modality, scaled, embedding) / self.config.temperature).softmax(1)
        share = self.config.share
        vectors = torch.cat([sqrt(1 - share) * embedding.vectors, sqrt(share) * normalize(posteriors, dim=1)], dim=1)
        return embedding._replace(vectors=vectors)

    def span(self, modality: str) -> Mapping[str, Float[np.ndarray, "d_s m"]]:
        """Return, by space, the columns of the method's own span, with an identity block for the posteriors."""
        spans = self.method.span(modality) if isinstance(self.method, SpanningMethod) else {}
        return {space: block_diag(span, np.eye(self.classes)) for space, span in spans.items()}

    def _logits(self, space: str, modality: str, scaled: FeatureBatch, embedding: Embedding) -> Float[Tensor, "b c"]:
        if self.own:
            return cast("NamingMethod", self.method).logits(space, embedding.vectors)
        logits: Tensor = self.classifiers[modality](scaled.whole)
        return logits

    @torch.inference_mode()
    def _scaled_rows(self, modality: str, encoded: Encoded) -> Float[np.ndarray, "n d"]:
        """Return all scaled whole vectors of a modality, in double precision."""
        device = next(iter([*self.parameters(), *self.buffers()])).device
        blocks = (encoded.whole[start : start + ROWS_AT_ONCE] for start in range(0, len(encoded), ROWS_AT_ONCE))
        scaled = [
            self.method.scaled(modality, FeatureBatch(torch.from_numpy(rows).to(device))).whole.cpu() for rows in blocks
        ]
        return torch.cat(scaled).double().numpy()
