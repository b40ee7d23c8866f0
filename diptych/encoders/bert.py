"""The encoder of BERT in plain torch.

Objective: none. Token t begins as x_t = LN(word[token_t] + segment[0] + position[t]). Every layer then does, with H
heads of d_h = d / H numbers each and masked tokens left out of every softmax over tokens,

    a = LN(x + concat_h(softmax(Q_h K_hᵀ / √d_h) V_h) W_o)    with Q = x W_q, K = x W_k, V = x W_v
    x ← LN(a + gelu(a W_1) W_2)

where each product has a bias, gelu is the exact z Φ(z), and LN is layer normalisation after the sum. Layers have the
names used in published weight files.

Paper: Devlin et al., BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding, NAACL 2019.
Differs: one segment only, no dropout and no pooler; the encoder decides what follows the last layer.
"""

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from diptych.encoders.weights import fit_state, read_state
from diptych.errors import BadCheckpoint

UNREAD = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")
"""Tensors of a weight file that are ignored: the position ids, and the pooler over the first token."""


@dataclass(frozen=True)
class Shape:
    """The sizes in a `config.json`."""

    vocab_size: int
    type_vocab_size: int
    max_position_embeddings: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float

    @classmethod
    def read(cls, path: Path) -> "Shape":
        """Return the sizes in a file; raise `BadCheckpoint` if it describes another kind of network."""
        stated = json.loads(path.read_text(encoding="utf-8"))
        kind = (stated.get("hidden_act"), stated.get("position_embedding_type", "absolute"))
        lacking = [field.name for field in fields(cls) if field.name not in stated]
        if lacking or kind != ("gelu", "absolute"):
            raise BadCheckpoint(
                f"{path} must describe a BERT with gelu and absolute positions; got {kind[0]} and {kind[1]}"
                f"{', without ' + ', '.join(lacking) if lacking else ''}. Reinstall its package."
            )
        return cls(**{field.name: stated[field.name] for field in fields(cls)})


class BertEmbeddings(nn.Module):
    """Tokens -> normalised sums of their word, segment and position."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.token_type_embeddings = nn.Embedding(shape.type_vocab_size, shape.hidden_size)
        self.position_embeddings = nn.Embedding(shape.max_position_embeddings, shape.hidden_size)
        self.LayerNorm = _normalisation(shape)

    def forward(self, ids: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        """Return x."""
        words = self.word_embeddings(ids) + self.token_type_embeddings.weight[0]
        normalised: Tensor = self.LayerNorm(words + self.position_embeddings.weight[: ids.shape[1]])
        return normalised


class SelfAttention(nn.Module):
    """x -> the heads' sums of V, side by side."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.num_attention_heads
        self.query, self.key, self.value = (nn.Linear(shape.hidden_size, shape.hidden_size) for _ in range(3))

    def forward(self, x: Float[Tensor, "b t d"], mask: Bool[Tensor, "b 1 1 t"] | None) -> Float[Tensor, "b t d"]:
        """Return concat_h(softmax(Q_h K_hᵀ / √d_h) V_h)."""
        query, key, value = (
            project(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for project in (self.query, self.key, self.value)
        )
        return functional.scaled_dot_product_attention(query, key, value, mask).transpose(1, 2).flatten(2)


class Output(nn.Module):
    """Values of another width and x -> LN(x + their projection)."""

    def __init__(self, width: int, shape: Shape) -> None:
        super().__init__()
        self.dense = nn.Linear(width, shape.hidden_size)
        self.LayerNorm = _normalisation(shape)

    def forward(self, values: Float[Tensor, "b t _"], x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        """Return LN(x + projection of the values)."""
        normalised: Tensor = self.LayerNorm(self.dense(values) + x)
        return normalised


class Layer(nn.Module):
    """x -> a -> x, as above."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention = nn.ModuleDict({"self": SelfAttention(shape), "output": Output(shape.hidden_size, shape)})
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(shape.hidden_size, shape.intermediate_size)})
        self.output = Output(shape.intermediate_size, shape)

    def forward(self, x: Float[Tensor, "b t d"], mask: Bool[Tensor, "b 1 1 t"] | None) -> Float[Tensor, "b t d"]:
        """Return the next x."""
        a = self.attention["output"](self.attention["self"](x, mask), x)
        following: Tensor = self.output(functional.gelu(self.intermediate["dense"](a)), a)
        return following


class Bert(nn.Module):
    """Tokens -> the hidden states of the last layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.embeddings = BertEmbeddings(shape)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(Layer(shape) for _ in range(shape.num_hidden_layers))})

    def forward(self, ids: Int[Tensor, "b t"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        """Return the hidden states; those where the mask is false are undefined."""
        attended = None if mask.all() else mask[:, None, None]
        hidden: Tensor = self.embeddings(ids)
        for layer in cast("nn.ModuleList", self.encoder["layer"]):
            hidden = layer(hidden, attended)
        return hidden


def read_bert(folder: Path) -> Bert:
    """Return the network in a folder; the names and shapes of its weights must be those of its `config.json`."""
    path = folder / "model.safetensors"
    network = Bert(Shape.read(folder / "config.json"))
    fit_state(network, {name: tensor for name, tensor in read_state(path).items() if name not in UNREAD}, path)
    return network.eval()


def _normalisation(shape: Shape) -> nn.LayerNorm:
    return nn.LayerNorm(shape.hidden_size, eps=shape.layer_norm_eps)
