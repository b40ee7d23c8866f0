"""Mixed pairs: every pair of a batch is replaced by a convex combination with another pair, its targets likewise.

With z a modality's vectors before they are scaled to unit length, u_k uniform in [0, 1] and p a permutation of the
batch,

    z'_k = u_k z_k + (1 - u_k) z_p(k)

where both modalities of a pair, and its categories, share u and p. Pairs i and j match by the share of their categories
that agree, and a mixed pair's only partner is itself.

Paper: Zhang et al., mixup: Beyond Empirical Risk Minimization, ICLR 2018; Verma et al., Manifold Mixup, ICML 2019 (of
hidden vectors).
Differs: both draw one u for a batch, from a Beta distribution; ours is drawn for each pair. Maps of whole vectors are
linear, so mixing their outputs is mixing their inputs; of parts the attended vectors are mixed.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Mixture:
    """With which pair each pair of a batch is mixed, and how much of itself it keeps."""

    kept: Float[Tensor, "b 1"]
    other: Int[Tensor, " b"]

    @classmethod
    def drawn(cls, count: int, generator: torch.Generator) -> "Mixture":
        """Return a mixture of `count` pairs drawn from the generator."""
        kept = torch.rand((count, 1), generator=generator)
        return cls(kept, torch.randperm(count, generator=generator))

    def to(self, device: torch.device) -> "Mixture":
        """Return the mixture on a device."""
        return Mixture(self.kept.to(device), self.other.to(device))

    def of(self, rows: Shaped[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """Return the mixed rows."""
        return self.kept * rows + (1 - self.kept) * rows[self.other]

    def matches(self, matches: Bool[Tensor, "b b"]) -> Float[Tensor, "b b"]:
        """Return how far mixed pairs match, from 0 to 1, where `matches` says it of the pairs; each matches itself."""
        mixed = self.of(self.of(matches).T).T
        return torch.maximum(mixed, torch.eye(len(mixed), device=mixed.device))

    def categories(self, labels: Bool[Tensor, "b c"]) -> Float[Tensor, "b c"]:
        """Return the shares of the categories in mixed pairs; a pair's own categories have equal shares."""
        return self.of(labels / labels.sum(1, keepdim=True).clamp_min(1))
