import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    ConvNextConfig,
    ConvNextModel,
    Dinov2Config,
    Dinov2Model,
    ViTConfig,
    ViTModel,
)

from diptych.encoders.opening import open_encoder
from diptych.errors import BadCheckpoint, BadSetting

TINY = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
SEEN = {"image_size": 32, "patch_size": 8}


def saved(model: Any, folder: Path) -> str:
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}))
    return f"transformers:{folder}"


def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def scaled() -> torch.Tensor:
    return torch.from_numpy((pixels() / 255 - 0.5) / 0.25).permute(2, 0, 1)[None].float()


def test_a_vits_patches_are_regions_and_its_pooler_the_whole(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ViTModel(ViTConfig(**TINY, **SEEN)).eval()
    encoder = open_encoder(saved(model, tmp_path))
    (vectors,) = encoder.encode([pixels()])
    with torch.inference_mode():
        seen = model(scaled())
    np.testing.assert_allclose(vectors.parts, seen.last_hidden_state[0, 1:], atol=3e-3)
    np.testing.assert_allclose(vectors.whole, seen.pooler_output[0], atol=3e-3)
    assert (encoder.parts_width, encoder.whole_width) == (8, 8)


def test_a_dinov2_gives_its_patches(tmp_path: Path) -> None:
    encoder = open_encoder(saved(Dinov2Model(Dinov2Config(**TINY, **SEEN)), tmp_path))
    (vectors,) = encoder.encode([pixels()])
    assert vectors.parts.shape == (16, 8)


def test_of_a_clip_the_image_tower_is_used(tmp_path: Path) -> None:
    torch.manual_seed(0)
    words = {**TINY, "vocab_size": 10, "eos_token_id": 9, "bos_token_id": 8, "pad_token_id": 7}
    model = CLIPModel(CLIPConfig(text_config=words, vision_config={**TINY, **SEEN}, projection_dim=4)).eval()
    (vectors,) = open_encoder(saved(model, tmp_path)).encode([pixels()])
    with torch.inference_mode():
        seen = model.vision_model(pixel_values=scaled())
    np.testing.assert_allclose(vectors.parts, seen.last_hidden_state[0, 1:], atol=3e-3)
    np.testing.assert_allclose(vectors.whole, seen.pooler_output[0], atol=3e-3)


def test_a_convolutional_network_gives_its_last_map(tmp_path: Path) -> None:
    model = ConvNextModel(ConvNextConfig(hidden_sizes=[4, 4, 4, 8], depths=[1, 1, 1, 1], image_size=64))
    encoder = open_encoder(saved(model, tmp_path), ["side=96"])
    (vectors,) = encoder.encode([np.zeros((96, 96, 3), dtype=np.uint8)])
    assert vectors.parts.shape == (9, 8)
    assert vectors.whole.shape == (8,)


def test_a_network_that_states_no_size_asks_for_one(tmp_path: Path) -> None:
    config = ConvNextConfig(hidden_sizes=[4, 4, 4, 8], depths=[1, 1, 1, 1], image_size=0)
    name = saved(ConvNextModel(config), tmp_path)
    with pytest.raises(BadSetting, match=r"does not say how large its pictures are. Set it: side=224"):
        open_encoder(name)


def test_a_folder_without_a_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=f"{tmp_path} cannot be opened as a network of transformers: "):
        open_encoder(f"transformers:{tmp_path}")
