"""The objective of a method that learns by gradient: the loss of its gathered representations."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from diptych.maths.sharing import WHOLE, Share, share_rows
from diptych.methods.batches import Batch, FeatureBatch
from diptych.methods.contract import GradientMethod, PreparingMethod


def objective(
    method: GradientMethod, batch: Batch, generator: torch.Generator, *, share: Share = WHOLE
) -> dict[str, Tensor]:
    """Return the losses by name, to be summed and minimised; for a shared batch they cover all its rows.

    Spaces are processed in order, images before texts, so that every process draws dropout in the same order. In spaces
    of `mates_in` the pictures are class-mates of a text's own.
    """
    images, texts = (_prepared(method, m, side) for m, side in (("image", batch.images), ("text", batch.texts)))
    mates = None if batch.mates is None else _prepared(method, "image", batch.mates)
    rows = {}
    for space in method.spaces:
        pictures = mates if mates is not None and space in method.mates_in else images
        rows[space] = {
            modality: {name: share.gather(values) for name, values in method.represent(space, modality, side).items()}
            for modality, side in (("image", pictures), ("text", texts))
        }
    with _whole(method, share):
        return method.loss(rows, batch.targets, generator)


def _prepared(method: GradientMethod, modality: str, side: FeatureBatch) -> FeatureBatch:
    return method.prepared(modality, side) if isinstance(method, PreparingMethod) else side


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
