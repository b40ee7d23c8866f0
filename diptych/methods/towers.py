"""Feed-forward networks over whole vectors, for methods that learn a map of each modality."""

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from diptych.errors import BadSetting
from diptych.maths.dropout import Dropout
from diptych.methods.inputs import Widths

Activation = Literal["relu", "gelu", "tanh"]

ACTIVATIONS: dict[Activation, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh}


@dataclass(frozen=True)
class TowerConfig:
    """Settings of the network for one modality's whole vectors."""

    hidden: tuple[int, ...] = (512,)
    """Widths of the hidden layers; empty for a linear map."""
    activation: Activation = "relu"
    """Activation after each hidden layer."""
    dropout: float = 0.5
    """Dropout on each hidden layer's outputs."""
    input_dropout: float = 0.0
    """Dropout on whole vectors."""

    def __post_init__(self) -> None:
        if any(width < 1 for width in self.hidden):
            raise BadSetting(f"hidden widths must be at least 1; got {list(self.hidden)}. [] is a linear map.")
        for name in ("dropout", "input_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise BadSetting(f"the {name} of a tower must be at least 0 and below 1; got {getattr(self, name)}.")


class Tower(nn.Module):
    """Map whole vectors through hidden layers to a linear output.

    h_0 = dropout(x), h_k = dropout(f(W_k h_{k-1} + b_k)), y = W h_last + b.
    """

    def __init__(self, width: int, out: int, config: TowerConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = [Dropout(config.input_dropout)]
        for before, after in zip((width, *config.hidden), config.hidden, strict=False):
            layers += [nn.Linear(before, after), ACTIVATIONS[config.activation](), Dropout(config.dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear((width, *config.hidden)[-1], out))

    def forward(self, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d_s"]:
        """Return the outputs."""
        outputs: Tensor = self.layers(whole)
        return outputs

    def span(self) -> Float[np.ndarray, "d_s m"]:
        """Return the columns of the last affine map, which span every output."""
        last = cast("nn.Linear", self.layers[-1])
        return torch.column_stack([last.weight, last.bias]).detach().cpu().numpy()


def towers_of(widths: Widths, out: int, *, image: TowerConfig, text: TowerConfig) -> nn.ModuleDict:
    """Return a tower for pictures and one for texts, by modality, with outputs of one width."""
    return nn.ModuleDict({"image": Tower(widths.image, out, image), "text": Tower(widths.text, out, text)})
