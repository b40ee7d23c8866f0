"""How many numbers an encoder gives: stated before it runs, and true of what it encodes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
import transformers
from torch import nn

from diptych.encoders.contract import Encoder
from diptych.encoders.registry import open_encoder
from diptych.encoders.vgg19 import build

from .counting import save_pictures
from .dual import LONGEST, save_clip
from .test_onnx import save as save_graph
from .test_sentence_transformers import save_network

TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
SEEN = {"image_size": 32, "patch_size": 8}
STAGES = {"hidden_sizes": [4, 8], "depths": [1, 1], "num_stages": 2}


def vgg19(folder: Path) -> str:
    torch.save(build([3] * 15 + [6], [10, 9]).state_dict(), folder / "vgg.pth")
    return f"vgg19:{folder / 'vgg.pth'}"


def words(folder: Path) -> str:
    (folder / "words.txt").write_text("two 1 2 3\ncats 4 5 6\n")
    return f"word2vec:{folder / 'words.txt'}"


def sentences(folder: Path) -> str:
    (folder / "base").mkdir()
    return f"sentence-transformers:{save_network(folder / 'base', folder / 'saved')}"


def saved(kind: str, **sizes: Any) -> Callable[[Path], str]:
    """Return what saves a small random network of transformers."""

    def save(folder: Path) -> str:
        save_clip(folder)  # for its tokenizer
        model = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**sizes))
        model.save_pretrained(folder)
        (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
        return f"transformers:{folder}"

    return save


def vision_transformer_of_timm(folder: Path) -> str:
    pytest.importorskip("timm", reason="timm is not installed")
    from .test_timm import saved as save

    return save(folder, "vit_tiny_patch16_224", embed_dim=8, depth=1, num_heads=2, img_size=32, patch_size=8)


def convolutions_of_timm(folder: Path) -> str:
    pytest.importorskip("timm", reason="timm is not installed")
    from .test_timm import saved as save

    return save(folder, "mobilenetv3_small_050")


def open_clip(folder: Path) -> str:
    pytest.importorskip("open_clip", reason="open_clip is not installed")
    from .test_open_clip import saved as save

    return save(folder)


SIGLIP = saved(
    "Siglip",
    text_config={**TINY, "vocab_size": 80, "max_position_embeddings": LONGEST, "projection_size": 6},
    vision_config={**TINY, **SEEN},
)
IMAGES = {
    "efficientnet-lite0": lambda folder: "efficientnet-lite0",
    "efficientnet-lite2": lambda folder: "efficientnet-lite2",
    "vgg19": vgg19,
    "onnx": lambda folder: save_graph(folder / "a.onnx"),
    "onnx without a whole": lambda folder: save_graph(folder / "a.onnx", whole=False),
    "onnx without a grid": lambda folder: save_graph(folder / "a.onnx", grid=False),
    "onnx with channels last": lambda folder: save_graph(folder / "a.onnx", last=True),
    "clip": save_clip,
    "siglip": SIGLIP,
    "vit": saved("ViT", **TINY, **SEEN, pooler_output_size=5),
    "dinov2": saved("Dinov2", **TINY, **SEEN),
    "beit": saved("Beit", **TINY, **SEEN),
    "swin": saved("Swin", image_size=32, patch_size=4, embed_dim=4, depths=[1, 1], num_heads=[1, 2], window_size=4),
    "convnext": saved("ConvNext", **STAGES, image_size=32),
    "resnet": saved("ResNet", embedding_size=4, **STAGES, image_size=32),
    "mobilevit": saved("MobileViT", image_size=64, hidden_sizes=[8, 8, 8], neck_hidden_sizes=[4, 4, 4, 4, 4, 4, 12]),
    "timm, tokens": vision_transformer_of_timm,
    "timm, map": convolutions_of_timm,
    "open_clip": open_clip,
}
TEXTS = {
    "minilm": lambda folder: "minilm",
    "glove": lambda folder: "glove",
    "word2vec": words,
    "sentence-transformers": sentences,
    "clip": save_clip,
    "siglip": SIGLIP,
    "open_clip": open_clip,
}
KINDS = [("image", IMAGES), ("text", TEXTS)]


def refuse(*given: Any, **named: Any) -> None:
    raise AssertionError("a network ran")


def stated_widths(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> tuple[int | None, int]:
    """Return the widths that an encoder states while nothing in it may run."""
    with monkeypatch.context() as patched:
        for owner, method in (
            (nn.Module, "__call__"),
            (type(encoder), "encode"),
            (onnxruntime.InferenceSession, "run"),
        ):
            patched.setattr(owner, method, refuse)
        return encoder.parts_width, encoder.whole_width


@pytest.mark.parametrize(
    ("modality", "save"),
    [pytest.param(modality, save, id=f"{modality}-{name}") for modality, all_ in KINDS for name, save in all_.items()],
)
def test_widths_are_stated_before_anything_runs_and_are_those_of_what_is_encoded(
    modality: Any, save: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = open_encoder(save(tmp_path), modality=modality)
    assert isinstance(encoder, Encoder)
    stated = stated_widths(encoder, monkeypatch)
    item = save_pictures(tmp_path / "pictures", 1)[0] if modality == "image" else "two cats"
    (features,) = encoder.encode([encoder.prepare(item)])
    assert stated == (None if features.parts is None else features.parts.shape[1], len(features.whole))
    assert stated == (encoder.parts_width, encoder.whole_width)
