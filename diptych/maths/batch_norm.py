"""Batch norm over a sequence, whose moments are those of the whole batch where several processes share it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override

from diptych.maths.sharing import SharesRows, Whole


class BatchNorm(SharesRows, nn.BatchNorm1d):
    """Normalise channels: y = (x - mean) / sqrt(variance + eps) w + b, over the rows and places of a batch.

    Alone it is `nn.BatchNorm1d`. Shared, mean and variance are sums over all processes, as in `nn.SyncBatchNorm`, which
    GPUs alone have.
    """

    @override
    def forward(self, values: Float[Tensor, "b d p"]) -> Float[Tensor, "b d p"]:
        """Return the values, normalised."""
        if not self.training or isinstance(self.share, Whole):
            normalised: Tensor = super().forward(values)
            return normalised
        precision, count = values.dtype, self.share.rows(len(values)) * values.shape[2]
        values = values.to(torch.promote_types(precision, torch.float32))
        mean = self.share.total(values.sum((0, 2))) / count
        centred = values - mean[:, None]
        variance = self.share.total(centred.square().sum((0, 2))) / count
        self._remember(mean.detach(), variance.detach() * count / max(count - 1, 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None] + self.bias[:, None]).to(precision)

    @torch.no_grad()
    def _remember(self, mean: Float[Tensor, " d"], variance: Float[Tensor, " d"]) -> None:
        """Move the moments that are used in evaluation towards these."""
        for running, moment in ((self.running_mean, mean), (self.running_var, variance)):
            if running is not None:
                running.lerp_(moment.to(running.dtype), self.momentum or 0.0)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
