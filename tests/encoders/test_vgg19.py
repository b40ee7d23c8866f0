from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from diptych.encoders.registry import open_encoder
from diptych.encoders.vgg19 import Vgg19, build
from diptych.errors import BadCheckpoint, BadSetting

POSITIONS = [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]
POOLED_AFTER = {2, 7, 16, 25, 34}


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """Return a narrow VGG-19 under torchvision's names, written out by hand."""
    generator = torch.Generator().manual_seed(0)
    widths = [4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8]
    state: dict[str, Tensor] = {}
    for position, into, out in zip(POSITIONS, [3, *widths[:-1]], widths, strict=True):
        state[f"features.{position}.weight"] = torch.randn(out, into, 3, 3, generator=generator) * 0.3
        state[f"features.{position}.bias"] = torch.randn(out, generator=generator) * 0.1
    for position, into, out in [(0, 8 * 49, 10), (3, 10, 9), (6, 9, 5)]:
        state[f"classifier.{position}.weight"] = torch.randn(out, into, generator=generator) * 0.1
        state[f"classifier.{position}.bias"] = torch.randn(out, generator=generator) * 0.1
    return state


def literal(state: dict[str, Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    for position in POSITIONS:
        weight, bias = state[f"features.{position}.weight"], state[f"features.{position}.bias"]
        images = functional.conv2d(images, weight, bias, padding=1).relu()
        if position in POOLED_AFTER:
            images = functional.max_pool2d(images, 2)
    hidden = images.flatten(1)
    for position in (0, 3):
        weight, bias = state[f"classifier.{position}.weight"], state[f"classifier.{position}.bias"]
        hidden = functional.linear(hidden, weight, bias).relu()
    return images, hidden


@pytest.mark.parametrize("name", ["vgg.pth", "vgg.safetensors"])
def test_regions_are_pool5_and_the_whole_is_fc7(tmp_path: Path, state: dict[str, Tensor], name: str) -> None:
    path = tmp_path / name
    save_file(state, path) if name.endswith("s") else torch.save(state, path)
    Image.effect_noise((300, 200), 90).convert("RGB").save(tmp_path / "noise.png")
    encoder = open_encoder(f"vgg19:{path}")
    assert isinstance(encoder, Vgg19)
    pixels = encoder.prepare(tmp_path / "noise.png")
    (vectors,) = encoder.encode([pixels])
    pool5, fc7 = literal(state, encoder.scaled([pixels]).contiguous())
    assert vectors.parts is not None
    assert vectors.parts.shape == (49, encoder.parts_width) == (49, 8)
    np.testing.assert_allclose(vectors.parts.T.reshape(8, 7, 7), pool5[0], atol=2e-3, rtol=2e-3)
    np.testing.assert_allclose(vectors.whole, fc7[0], atol=2e-3, rtol=2e-3)
    assert encoder.whole_width == 9


def test_pixels_are_scaled_by_the_mean_and_deviation_of_imagenet(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, tmp_path / "vgg.pth")
    encoder = open_encoder(f"vgg19:{tmp_path / 'vgg.pth'}")
    assert isinstance(encoder, Vgg19)
    scaled = encoder.scaled([np.full((224, 224, 3), 255, dtype=np.uint8)])
    np.testing.assert_allclose(
        scaled[0, :, 0, 0], [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], rtol=1e-5
    )


def test_names_are_those_of_torchvision(state: dict[str, Tensor]) -> None:
    network = build([state[f"features.{k}.weight"].shape[0] for k in POSITIONS], [10, 9])
    assert set(network.state_dict()) == {name for name in state if "classifier.6" not in name}


def test_a_larger_side_still_gives_seven_by_seven(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, tmp_path / "vgg.pth")
    encoder = open_encoder(f"vgg19:{tmp_path / 'vgg.pth'}", ["side=320"])
    assert encoder.encode([np.zeros((320, 320, 3), dtype=np.uint8)])[0].parts.shape == (49, 8)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"layer.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(BadCheckpoint, match=r"other.pth is not a VGG-19: it lacks 'features.0.weight'"):
        _ = open_encoder(f"vgg19:{tmp_path / 'other.pth'}").whole_width


def test_layers_that_do_not_fit_are_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state | {"features.5.weight": torch.zeros(5, 9, 3, 3)}, tmp_path / "odd.pth")
    with pytest.raises(BadCheckpoint, match=r"odd.pth is not a weight file for this network. .*features.5.weight"):
        _ = open_encoder(f"vgg19:{tmp_path / 'odd.pth'}").whole_width


def test_a_side_too_small_is_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    torch.save(state, tmp_path / "vgg.pth")
    with pytest.raises(BadSetting, match="side must be at least 32 pixels; got 16"):
        open_encoder(f"vgg19:{tmp_path / 'vgg.pth'}", ["side=16"])
