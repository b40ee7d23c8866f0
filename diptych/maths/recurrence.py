"""Recurrent and convolutional networks over masked sequences."""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import max_pool1d

from diptych.maths.batch_norm import BatchNorm
from diptych.maths.dropout import Dropout

Learning = Literal["trained", "frozen", "none"]


class Recurrence(nn.Module):
    """Read a sequence with an LSTM and return one state per part.

    `trained` trains the LSTM, `frozen` keeps its random initialisation, `none` passes the parts through.
    Dropout acts between layers and, unlike `nn.LSTM(dropout=)`, on the top output of every step too, as in
    the authors' code. Padding stands at the end, so reading forward never meets it before a part; to read
    backward each sequence is turned around within its own length. States are those of a packed sequence,
    whose gradient would cost a copy of the whole batch at every step.
    """

    def __init__(
        self, width: int, hidden: int, *, learning: Learning, layers: int, bidirectional: bool, dropout: float
    ) -> None:
        super().__init__()
        self.width = width if learning == "none" else hidden * (2 if bidirectional else 1)
        self.dropout = Dropout(dropout)
        self.forwards, self.backwards = nn.ModuleList(), nn.ModuleList()
        for layer in range(0 if learning == "none" else layers):
            for direction in (self.forwards, self.backwards) if bidirectional else (self.forwards,):
                direction.append(nn.LSTM(self.width if layer else width, hidden, batch_first=True))
        self.requires_grad_(learning == "trained")

    def forward(self, parts: Float[Tensor, "b p d"], mask: Bool[Tensor, "b p"]) -> Float[Tensor, "b p d_h"]:
        """Return the states h_1..h_p; states of absent parts are zero."""
        turned = turn_around(mask) if self.backwards else None
        states: Tensor = parts if self.forwards else self.dropout(parts)
        for k, cells in enumerate(self.forwards):
            ahead = _read(cells, states)
            if turned is not None:
                back = _read(self.backwards[k], reorder(states, turned))
                ahead = torch.cat([ahead, reorder(back, turned)], dim=2)
            states = self.dropout(ahead)
        return states * mask.unsqueeze(2)


def _read(cells: nn.Module, parts: Float[Tensor, "b p d"]) -> Float[Tensor, "b p d_h"]:
    """Return the states of an LSTM.

    On a GPU it is always in training mode, because cuDNN's LSTMs have no gradient otherwise; it has no dropout.
    """
    if parts.is_cuda:
        cells.train()
    states: Tensor = cells(parts)[0]
    return states


def turn_around(mask: Bool[Tensor, "b p"]) -> Int[Tensor, "b p"]:
    """Return the order that reverses each sequence within its length and leaves its padding in place.

    >>> turn_around(torch.tensor([[True, True, True, False]])).tolist()
    [[2, 1, 0, 3]]
    """
    places = torch.arange(mask.shape[1], device=mask.device)
    turned = mask.sum(1, keepdim=True) - 1 - places
    return torch.where(turned >= 0, turned, places)


def reorder(values: Float[Tensor, "b p d"], order: Int[Tensor, "b p"]) -> Float[Tensor, "b p d"]:
    """Return each item's parts in an order of its own."""
    return values.gather(1, order.unsqueeze(2).expand(-1, -1, values.shape[2]))


class Fragments(nn.Module):
    """Turn word vectors into fragments: convolution, batch norm, ReLU and max-pooling in each stage.

    The authors' stack is (384, 15, 5), (512, 9, 5), (256, 7, 6): channels, kernel, pool; 2904 words become 18
    fragments of 256, and 20 here.

    Differs: convolutions are padded to keep the length, and pooling keeps a last incomplete window, so that a
    text of one word still gives one fragment. Padding is set to zero before every convolution and pooling, and
    the mask pooled along: in evaluation a text's fragments are the same in every batch.
    """

    def __init__(self, width: int, stages: tuple[tuple[int, int, int], ...]) -> None:
        super().__init__()
        self.stages = nn.ModuleList()
        for channels, kernel, _ in stages:
            self.stages.append(
                nn.Sequential(nn.Conv1d(width, channels, kernel, padding="same"), BatchNorm(channels), nn.ReLU())
            )
            width = channels
        self.width = width
        self.pools = tuple(pool for _, _, pool in stages)

    def forward(
        self, words: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b f d_f"], Bool[Tensor, "b f"]]:
        """Return the fragments and which of them cover at least one real word."""
        present = mask.unsqueeze(1).to(words.dtype)
        values = words.transpose(1, 2) * present
        for stage, pool in zip(self.stages, self.pools, strict=True):
            values = max_pool1d(stage(values) * present, pool, ceil_mode=True)
            present = max_pool1d(present, pool, ceil_mode=True)
        return values.transpose(1, 2), present.squeeze(1) > 0


def trained_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Return the trainable parameters, without those of a frozen recurrence."""
    return [parameter for parameter in module.parameters() if parameter.requires_grad]
