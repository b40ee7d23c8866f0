"""The objective of a method that learns by gradient: the loss of its gathered representations."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from diptych.maths.sharing import WHOLE, Share, share_rows
from diptych.methods.batches import Batch, FeatureBatch
from diptych.methods.contract import GradientMethod


def objective(
    method: GradientMethod, batch: Batch, generator: torch.Generator, *, share: Share = WHOLE
) -> dict[str, Tensor]:
    """Return the losses by name, to be summed and minimised; for a shared batch they cover all its rows.

    Spaces are processed in order, images before texts, so that every process draws dropout in the same order.
    """
    rows = {
        space: {
            modality: {name: share.gather(values) for name, values in method.represent(space, modality, side).items()}
            for modality, side in _sides(method, space, batch).items()
        }
        for space in method.spaces
    }
    with _whole(method, share):
        return method.loss(rows, batch.targets, generator)


def _sides(method: GradientMethod, space: str, batch: Batch) -> dict[str, FeatureBatch]:
    """Return what a space learns from by modality: pairs, or texts with pictures of the same category."""
    mates = batch.mates if space in method.mates_in else None
    return {"image": batch.images if mates is None else mates, "text": batch.texts}


@contextmanager
def _whole(method: GradientMethod, share: Share) -> Iterator[None]:
    """Within the block, let the method's modules treat their input as the whole batch, not a share."""
    if share is WHOLE or not isinstance(method, nn.Module):
        yield
        return
    share_rows(method, WHOLE)
    try:
        yield
    finally:
        share_rows(method, share)
