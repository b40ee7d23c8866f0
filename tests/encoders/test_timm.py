import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from diptych.encoders.registry import open_encoder
from diptych.errors import UnknownName

try:
    timm = importlib.import_module("timm")
except ModuleNotFoundError as missing:
    pytest.skip(f"timm does not import here: {missing}", allow_module_level=True)


def saved(folder: Path, architecture: str, **sizes: object) -> str:
    """Return the encoder's name of a small random network, saved as timm saves its own."""
    from safetensors.torch import save_file

    network = timm.create_model(architecture, pretrained=False, num_classes=0, **sizes)
    scaling = {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.25] * 3, "num_classes": 0}
    note = {"architecture": architecture, "pretrained_cfg": scaling, "model_args": sizes, "num_classes": 0}
    (folder / "config.json").write_text(json.dumps(note))
    save_file(network.state_dict(), folder / "model.safetensors")
    return f"timm:local-dir:{folder}"


def test_a_vision_transformers_patches_are_regions(tmp_path: Path) -> None:
    sizes = {"embed_dim": 8, "depth": 1, "num_heads": 2, "img_size": 32, "patch_size": 8}
    encoder = open_encoder(saved(tmp_path, "vit_tiny_patch16_224", **sizes))
    (vectors,) = encoder.encode([np.zeros((32, 32, 3), dtype=np.uint8)])
    assert vectors.parts is not None
    assert vectors.parts.shape == (16, encoder.parts_width) == (16, 8)
    assert vectors.whole.shape == (8,)


def test_a_convolutional_network_gives_its_last_map(tmp_path: Path) -> None:
    encoder = open_encoder(saved(tmp_path, "resnet10t"))
    (vectors,) = encoder.encode([np.full((32, 32, 3), 99, dtype=np.uint8)])
    assert vectors.parts is not None
    assert vectors.parts.shape == (1, 512)
    np.testing.assert_allclose(vectors.parts[0], vectors.whole, atol=1e-2)


def test_a_misspelt_network_is_offered_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"timm has no entry 'resnet5o'. Did you mean '.+'"):
        open_encoder("timm:resnet5o")
