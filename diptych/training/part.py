"""The rows of a shared batch in one process, and the collectives that combine all processes."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from typing_extensions import override

from diptych.maths.sharing import Share


@dataclass(frozen=True)
class Part(Share):
    """The rows of process `rank` among `count`, in batches of `size` rows each; sizes differ by one row at most."""

    rank: int
    count: int
    size: int

    @override
    def own(self, rows: int) -> slice:
        return _span(rows, self.rank, self.count)

    @override
    def rows(self, own: int) -> int:
        return self.size

    @override
    def gather(self, values: Float[Tensor, "b *any"]) -> Float[Tensor, "n *any"]:
        gathered: Tensor = _Gathered.apply(values, self)  # type: ignore[no-untyped-call]
        return gathered

    @override
    def total(self, values: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        summed: Tensor = _Summed.apply(values)  # type: ignore[no-untyped-call]
        return summed


def _span(rows: int, rank: int, count: int) -> slice:
    each, over = divmod(rows, count)
    start = rank * each + min(rank, over)
    return slice(start, start + each + (rank < over))


class _Gathered(torch.autograd.Function):
    """The rows of all processes. All compute the same loss, so each has the gradient of its own rows, times N."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, part: Part) -> Tensor:
        ctx.part = part
        spans = [_span(part.size, rank, part.count) for rank in range(part.count)]
        most = spans[0].stop
        padded = values.new_zeros(most, *values.shape[1:])
        padded[: len(values)] = values
        blocks = [torch.empty_like(padded) for _ in spans]
        dist.all_gather(blocks, padded)
        return torch.cat([block[: span.stop - span.start] for block, span in zip(blocks, spans, strict=True)])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        part: Part = ctx.part
        return gradient[part.own(part.size)] * part.count, None


class _Summed(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of the gradients in each."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        summed = values.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(summed)
        return summed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total
