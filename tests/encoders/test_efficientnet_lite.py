from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diptych.encoders.efficientnet_lite import SIDES, EfficientNetLite, fold
from diptych.encoders.registry import open_encoder
from diptych.errors import BadSetting


def opened(name: str, *settings: str) -> EfficientNetLite:
    encoder = open_encoder(name, settings)
    assert isinstance(encoder, EfficientNetLite)
    return encoder


@pytest.fixture(scope="module")
def lite0() -> EfficientNetLite:
    return opened("efficientnet-lite0")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a smooth picture, wider than high, whose left differs from its right."""
    y, x = np.mgrid[0:60, 0:90] / 90
    pixels = np.stack([x, y, (np.sin(9 * x) + 1) / 2], 2) * 255
    path = tmp_path_factory.mktemp("pictures") / "smooth.png"
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize(("name", "side"), [("efficientnet-lite0", 230), ("efficientnet-lite2", 0)])
def test_folding_changes_nothing_but_rounding(name: str, side: int) -> None:
    encoder = opened(name, f"side={side}")
    images = torch.rand(1, 3, encoder.side, encoder.side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        published = encoder._network.extract_features(images)
        folded = fold(encoder._network)(images)
    torch.testing.assert_close(folded, published, atol=1e-4, rtol=0)


def test_pixels_are_scaled_as_the_weights_were_trained(lite0: EfficientNetLite) -> None:
    pixels = np.full((224, 224, 3), 255, dtype=np.uint8)
    pixels[0, 0] = 127
    scaled = lite0.scaled([pixels])
    torch.testing.assert_close(scaled[0, :, 0, :2], torch.tensor([[0.0, 1.0]] * 3), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "regions"), [("efficientnet-lite0", 49), ("efficientnet-lite2", 144)])
def test_a_picture_gives_a_grid_of_regions_and_their_mean(name: str, regions: int, picture: Path) -> None:
    encoder = opened(name, "grid=0")
    pixels = encoder.prepare(picture)
    assert pixels.shape == (SIDES[name], SIDES[name], 3)
    (vectors,) = encoder.encode([pixels])
    assert vectors.parts is not None
    assert vectors.parts.shape == (regions, encoder.parts_width) == (regions, 1280)
    assert vectors.whole.shape == (encoder.whole_width,)
    np.testing.assert_allclose(vectors.parts.astype(np.float32).mean(0), vectors.whole, rtol=1e-3, atol=2e-3)


def test_a_larger_side_gives_a_finer_grid(picture: Path) -> None:
    encoder = opened("efficientnet-lite0", "side=256", "grid=0")
    assert encoder.encode([encoder.prepare(picture)])[0].parts.shape == (64, 1280)


def test_a_batch_gives_what_each_picture_gives_alone(lite0: EfficientNetLite, picture: Path) -> None:
    pixels = lite0.prepare(picture)
    both = lite0.encode([pixels, 255 - pixels])
    (alone,) = lite0.encode([255 - pixels])
    np.testing.assert_allclose(both[1].whole, alone.whole, atol=2e-3)


def test_with_flip_a_mirrored_picture_gives_the_mirrored_regions(picture: Path) -> None:
    encoder = opened("efficientnet-lite0", "flip=true")
    pixels = encoder.prepare(picture)
    (plain,), (mirrored,) = encoder.encode([pixels]), encoder.encode([pixels[:, ::-1]])
    grids = [each.parts.reshape(7, 7, 1280) for each in (plain, mirrored)]
    np.testing.assert_allclose(grids[0], grids[1][:, ::-1], atol=4e-3)
    np.testing.assert_allclose(plain.whole, mirrored.whole, atol=2e-3)


def test_the_classifier_on_whole_vectors_gives_the_posteriors_of_the_published_network(
    lite0: EfficientNetLite, picture: Path
) -> None:
    pixels, (weight, bias) = lite0.prepare(picture), lite0.classifier()
    scores = torch.from_numpy(lite0.encode([pixels])[0].whole[None].astype(np.float32) @ weight + bias)
    with torch.inference_mode():
        published = lite0._network(lite0.scaled([pixels]).contiguous()).softmax(1)
    torch.testing.assert_close(scores.softmax(1), published, atol=2e-3, rtol=0)


def test_a_side_too_small_is_refused() -> None:
    with pytest.raises(BadSetting, match="side must be 0 or at least 32 pixels; got 8"):
        open_encoder("efficientnet-lite0", ["side=8"])


def test_regions_are_averaged_into_a_grid_no_finer_than_the_feature_map(picture: Path) -> None:
    fine, pooled, tiny = (opened("efficientnet-lite0", *s) for s in (["grid=0"], ["grid=1"], ["side=64"]))
    (own,) = fine.encode([fine.prepare(picture)])
    (one,) = pooled.encode([pooled.prepare(picture)])
    (few,) = tiny.encode([tiny.prepare(picture)])
    assert own.parts is not None
    assert one.parts is not None
    assert few.parts is not None
    np.testing.assert_allclose(one.parts[0], own.parts.astype(np.float32).mean(0), rtol=1e-2, atol=2e-3)
    assert len(few.parts) == 4


def test_the_usual_side_and_the_same_side_by_number_share_a_cache() -> None:
    assert opened("efficientnet-lite2").fingerprint == opened("efficientnet-lite2", "side=380").fingerprint
    assert opened("efficientnet-lite2").fingerprint != opened("efficientnet-lite2", "side=260").fingerprint
