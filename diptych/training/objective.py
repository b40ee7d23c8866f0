"""The objective of a method that learns by gradient: what its rows become, gathered, and the loss of these."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from diptych.maths.sharing import WHOLE, Share, share_rows
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod


def objective(
    method: GradientMethod, batch: Batch, generator: torch.Generator, *, share: Share = WHOLE
) -> dict[str, Tensor]:
    """Return the losses by name, to be summed and minimised; of a shared batch they are those of all its rows.

    Spaces come in turn, images before texts, so that dropout draws in the same order whoever computes.
    """
    sides = {"image": batch.images, "text": batch.texts}
    rows = {
        space: {
            modality: {name: share.gather(values) for name, values in method.represent(space, modality, side).items()}
            for modality, side in sides.items()
        }
        for space in method.spaces
    }
    with _whole(method, share):
        return method.loss(rows, batch.targets, generator)


@contextmanager
def _whole(method: GradientMethod, share: Share) -> Iterator[None]:
    """Tell the method's modules, for the block, that they see all rows of the batch and not a share."""
    if share is WHOLE or not isinstance(method, nn.Module):
        yield
        return
    share_rows(method, WHOLE)
    try:
        yield
    finally:
        share_rows(method, share)
