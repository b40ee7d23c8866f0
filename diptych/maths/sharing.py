"""Which rows of a batch a process has, where several processes share it, and how their results become one.

Processes that share a batch compute one loss: each turns its own rows into vectors, and what looks at the whole batch
(negatives, class-mates, correlations, means) is computed alike by all on what all of them have. The gradients are then
averaged over the processes, as DistributedDataParallel does:

    dL/dw = 1/N sum_r g_r    g_r = N x what process r's own rows contribute

So a gradient that comes back to a process's own rows is N times theirs, and weights that all apply alike get it whole.
"""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override


class Share(ABC):
    """The rows of a batch that a process has."""

    @abstractmethod
    def own(self, rows: int) -> slice:
        """Return which rows of a batch of so many are this process's."""

    @abstractmethod
    def rows(self, own: int) -> int:
        """Return how many rows the batch has of which this process has so many."""

    @abstractmethod
    def gather(self, values: Float[Tensor, "b *any"]) -> Float[Tensor, "n *any"]:
        """Return what all processes have, in the order of the batch; gradients lead back to each one's own rows."""

    @abstractmethod
    def total(self, values: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """Return the sum over all processes, with a gradient for each."""

    def mean(self, value: Float[Tensor, ""], own: int) -> Float[Tensor, ""]:
        """Return the mean over the whole batch of what is a mean over `own` rows here."""
        rows = self.rows(own)
        return value if rows == own else self.total(value * (own / rows))


class Whole(Share):
    """All rows of every batch: the share of a process that works alone."""

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
    """A module that gives the same for its own rows whether or not other processes have the rest of the batch.

    What it draws it draws for the whole batch, from generators that stand alike in all processes.
    """

    share: Share = WHOLE


def share_rows(model: nn.Module, share: Share) -> None:
    """Tell a model and all its modules which rows they are given."""
    for module in model.modules():
        if isinstance(module, SharesRows):
            module.share = share
