"""Shared batches: the rows of each process, and how the results of all processes are combined.

Processes that share a batch compute one loss: each embeds its own rows, and every process computes the terms that
depend on the whole batch (negatives, class-mates, correlations, means) from the gathered rows. The gradients are then
averaged over the processes, as in DistributedDataParallel:

    dL/dw = 1/N sum_r g_r    g_r = N x what process r's own rows contribute

So the gradient of a process's own rows is N times their contribution, and weights that all processes apply alike
receive the full gradient.
"""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override


class Share(ABC):
    """The rows of a batch in one process."""

    @abstractmethod
    def own(self, rows: int) -> slice:
        """Return this process's rows in a batch with this many rows."""

    @abstractmethod
    def rows(self, own: int) -> int:
        """Return the size of the batch from the number of this process's rows."""

    @abstractmethod
    def gather(self, values: Float[Tensor, "b *any"]) -> Float[Tensor, "n *any"]:
        """Return the rows of all processes in batch order; gradients flow back to each process's own rows."""

    @abstractmethod
    def total(self, values: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """Return the sum over all processes, with a gradient for each."""

    def mean(self, value: Float[Tensor, ""], own: int) -> Float[Tensor, ""]:
        """Return the mean over the whole batch from the mean over `own` rows in each process."""
        rows = self.rows(own)
        return value if rows == own else self.total(value * (own / rows))


class Whole(Share):
    """All rows of every batch: the share of a single process."""

    @override
    def own(self, rows: int) -> slice:
        return slice(0, rows)

    @override
    def rows(self, own: int) -> int:
        return own

    @override
    def gather(self, values: Float[Tensor, "b *any"]) -> Float[Tensor, "n *any"]:
        return values

    @override
    def total(self, values: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        return values


WHOLE = Whole()


class SharesRows:
    """A module whose results for its own rows do not depend on how the batch is shared.

    It draws random numbers for the whole batch, from generators in the same state in all processes.
    """

    share: Share = WHOLE


def share_rows(model: nn.Module, share: Share) -> None:
    """Set the share of a batch for a model and all its modules."""
    for module in model.modules():
        if isinstance(module, SharesRows):
            module.share = share
