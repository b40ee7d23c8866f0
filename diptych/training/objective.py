"""The objective of a method that learns by gradient: the loss of its gathered representations.

A batch may be represented in chunks, of which one at a time keeps what its gradients need: nothing is kept in the
forward pass, and each chunk is represented again in the backward pass. Losses and gradients are those of the undivided
batch up to rounding, random draws included, in memory for a chunk.

Paper: Gao et al., Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup, RepL4NLP 2021. Differs: the
second pass is torch's checkpointing, so that processes average their gradients as they do without chunks.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from typing_extensions import override

from diptych.errors import BadSetting
from diptych.maths.sharing import WHOLE, Share, share_rows
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod, PreparingMethod, Representations


def objective(
    method: GradientMethod, batch: Batch, generator: torch.Generator, *, share: Share = WHOLE, chunk: int = 0
) -> dict[str, Tensor]:
    """Return the losses by name, to be summed and minimised; for a shared batch they cover all its rows.

    With a `chunk` above 0 at most that many pairs are represented at a time. `BadSetting` for a method that normalises
    over the batch.
    """
    divided = 0 < chunk < batch.pairs
    own = _represented_in_chunks(method, batch, share, chunk) if divided else represented(method, batch)
    rows = {
        space: {
            modality: {name: share.gather(values) for name, values in tensors.items()}
            for modality, tensors in sides.items()
        }
        for space, sides in own.items()
    }
    with _sharing(method, share, WHOLE):
        return method.loss(rows, batch.targets, generator)


def represented(method: GradientMethod, batch: Batch) -> Representations:
    """Return what the loss takes of a batch's own rows.

    Spaces are processed in order, images before texts, so that every process draws dropout in the same order. In spaces
    of `mates_in` the pictures are class-mates of a text's own.
    """
    prepare = method.prepared if isinstance(method, PreparingMethod) else lambda _, side: side
    images, texts = (prepare(modality, side) for modality, side in (("image", batch.images), ("text", batch.texts)))
    mates = None if batch.mates is None else prepare("image", batch.mates)
    return {
        space: {
            modality: method.represent(space, modality, side)
            for modality, side in (
                ("image", mates if mates is not None and space in method.mates_in else images),
                ("text", texts),
            )
        }
        for space in method.spaces
    }


@dataclass(frozen=True)
class _Chunk(Share):
    """Some of a process's own rows of a batch: what is drawn at random is drawn for the batch."""

    share: Share
    start: int
    stop: int
    of: int
    """How many rows the process has."""

    @override
    def own(self, rows: int) -> slice:
        first = self.share.own(rows).start
        return slice(first + self.start, first + self.stop)

    @override
    def rows(self, own: int) -> int:
        return self.share.rows(self.of)

    @override
    def gather(self, values: Float[Tensor, "b *any"]) -> Float[Tensor, "n *any"]:
        raise _over_the_batch()

    @override
    def total(self, values: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        raise _over_the_batch()


def _over_the_batch() -> BadSetting:
    return BadSetting(
        "training.chunk divides a batch, over the whole of which a batch normalisation takes its mean. Set "
        "training.chunk=0, or leave the normalisation out, as MCSM does with textual.fragments=[]."
    )


def _represented_in_chunks(method: GradientMethod, batch: Batch, share: Share, chunk: int) -> Representations:
    def represent(rows: slice) -> Representations:
        with _sharing(method, share, _Chunk(share, rows.start, rows.stop, batch.pairs)):
            return represented(method, batch.take(rows))

    found = []
    for start in range(0, batch.pairs, chunk):
        rows = slice(start, min(start + chunk, batch.pairs))
        # every chunk draws for the whole batch, and the last one leaves the generators where the batch would
        kept = torch.random.fork_rng(range(torch.cuda.device_count())) if rows.stop < batch.pairs else nullcontext()
        with kept:
            found.append(checkpoint(represent, rows, use_reentrant=False))
    return {
        space: {
            modality: {name: torch.cat([each[space][modality][name] for each in found]) for name in tensors}
            for modality, tensors in sides.items()
        }
        for space, sides in found[0].items()
    }


@contextmanager
def _sharing(method: GradientMethod, share: Share, within: Share) -> Iterator[None]:
    """Within the block, let the method's modules treat their input as another share of the batch than theirs."""
    if share is within or not isinstance(method, nn.Module):
        yield
        return
    share_rows(method, within)
    try:
        yield
    finally:
        share_rows(method, share)
