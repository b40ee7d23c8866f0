import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from diptych.encoders.cut import cut
from diptych.encoders.registry import open_encoder
from diptych.errors import BadCheckpoint

try:
    open_clip = importlib.import_module("open_clip")
except ModuleNotFoundError as missing:
    pytest.skip(f"open_clip does not import here: {missing}", allow_module_level=True)

VISION = {"image_size": 32, "layers": 1, "width": 8, "head_width": 4, "patch_size": 8}
TEXT = {"context_length": 8, "vocab_size": 49408, "width": 8, "heads": 2, "layers": 1}


def saved(folder: Path, *, layers: int = 1) -> str:
    """Return the encoder's name of a small random CLIP, saved as open_clip saves its own."""
    torch.manual_seed(0)
    model = open_clip.CLIP(embed_dim=6, vision_cfg=VISION, text_cfg={**TEXT, "layers": layers})
    sizes = {"embed_dim": 6, "vision_cfg": VISION, "text_cfg": {**TEXT, "layers": layers}}
    scaling = {"mean": [0.5] * 3, "std": [0.25] * 3, "size": 32}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": sizes, "preprocess_cfg": scaling}))
    torch.save(model.state_dict(), folder / "open_clip_pytorch_model.bin")
    return f"open_clip:local-dir:{folder}"


def test_patches_are_regions_and_the_joint_vector_is_the_whole(tmp_path: Path) -> None:
    encoder = open_encoder(saved(tmp_path))
    (vectors,) = encoder.encode([np.full((32, 32, 3), 99, dtype=np.uint8)])
    assert vectors.parts is not None
    assert vectors.parts.shape == (16, encoder.parts_width) == (16, 8)
    assert vectors.whole.shape == (encoder.whole_width,) == (6,)


def test_the_text_side_gives_the_vector_in_the_same_space(tmp_path: Path) -> None:
    name = saved(tmp_path)
    encoder = open_encoder(name, modality="text")
    texts = ["a cat", "a text that is far longer than what the network reads"]
    vectors = encoder.encode([encoder.prepare(text) for text in texts])
    model = open_clip.create_model(name.partition(":")[2]).eval()
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer(name.partition(":")[2])(texts))
    np.testing.assert_allclose([each.whole for each in vectors], expected, atol=3e-3)
    assert vectors[0].parts is encoder.parts_width is None
    assert encoder.whole_width == open_encoder(name).whole_width == 6
    assert encoder.fingerprint != open_encoder(name).fingerprint


def test_a_folder_without_a_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=f"local-dir:{tmp_path} cannot be opened by open_clip: "):
        open_encoder(f"open-clip:local-dir:{tmp_path}")


@pytest.mark.parametrize("blocks", [1, "all"])
def test_the_text_side_in_two_gives_the_vectors_of_the_whole(blocks: int | str, tmp_path: Path) -> None:
    encoder = open_encoder(saved(tmp_path, layers=3), modality="text")
    own, texts = cut(encoder, blocks), ["a cat", "", "two dogs in the park"]
    prepared = [encoder.prepare(text) for text in texts]
    values = torch.from_numpy(np.stack([each.parts for each in own.stem.encode(prepared)])).float()
    seen = own.top(values, torch.ones(values.shape[:2], dtype=torch.bool))
    np.testing.assert_allclose(seen.whole.detach(), [each.whole for each in encoder.encode(prepared)], atol=5e-3)
    assert seen.parts is None
