"""Batch normalisation over a sequence, with the moments of the whole batch if several processes share it."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from typing_extensions import override

from diptych.maths.sharing import SharesRows, Whole


class BatchNorm(SharesRows, nn.BatchNorm1d):
    """Normalise channels: y = (x - mean) / sqrt(variance + eps) w + b, over the rows and positions of a batch.

    In one process it is `nn.BatchNorm1d`. In a shared batch, mean and variance are computed over all processes, as in
    `nn.SyncBatchNorm`, which supports only GPUs.
    """

    @override
    def forward(self, values: Float[Tensor, "b d p"]) -> Float[Tensor, "b d p"]:
        """Return the normalised values."""
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
        """Update the running moments for evaluation."""
        for running, moment in ((self.running_mean, mean), (self.running_var, variance)):
            if running is not None:
                running.lerp_(moment.to(running.dtype), self.momentum or 0.0)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
