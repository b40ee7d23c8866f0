"""Pictures framed as networks were trained, as the library's own processors frame them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.Image import Resampling
from transformers import CLIPImageProcessorPil, CLIPTokenizer, SiglipImageProcessorPil

from diptych.encoders.framing import Framing, framing_of_clip, framing_of_processor
from diptych.encoders.registry import open_encoder, settings_as_trained
from diptych.encoders.transformers import VERSION, Config, Transformer, TransformerText
from diptych.encoders.weights import network_digest
from diptych.explaining.places import Box, grid_boxes
from diptych.files import digest

from .dual import LONGEST, save_clip

SIZES = [(90, 40), (40, 91), (32, 32), (33, 32), (20, 17), (64, 64)]
CROPPING = CLIPImageProcessorPil(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
PROCESSORS = [
    CROPPING,
    CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, resample=2),
    SiglipImageProcessorPil(size={"height": 32, "width": 32}),
    SiglipImageProcessorPil(size={"height": 32, "width": 32}, resample=2),
]


def drawn(size: tuple[int, int]) -> Image.Image:
    width, height = size
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


def network(folder: Path, processor: Any) -> str:
    """Save a random CLIP with the settings of a processor, and return its encoder's name."""
    name = save_clip(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(json.loads(processor.to_json_string())))
    return name


@pytest.mark.parametrize("processor", PROCESSORS)
@pytest.mark.parametrize("size", SIZES)
def test_a_network_sees_what_the_librarys_processor_gives(
    processor: Any, size: tuple[int, int], tmp_path: Path
) -> None:
    encoder = open_encoder(network(tmp_path, processor), ["as_trained=true"])
    assert isinstance(encoder, Transformer)
    drawn(size).save(tmp_path / "picture.png")
    expected = processor(drawn(size), return_tensors="pt")["pixel_values"]
    found = encoder.scaled([encoder.prepare(tmp_path / "picture.png")])
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_without_the_setting_the_whole_picture_is_squeezed(tmp_path: Path) -> None:
    encoder = open_encoder(network(tmp_path, CROPPING))
    drawn((90, 40)).save(tmp_path / "picture.png")
    squeezed = np.asarray(drawn((90, 40)).resize((32, 32), Resampling.BICUBIC))
    np.testing.assert_array_equal(encoder.prepare(tmp_path / "picture.png"), squeezed)  # type: ignore[union-attr]


def test_texts_are_padded_to_the_networks_length_as_by_its_own_tokenizer(tmp_path: Path) -> None:
    encoder = open_encoder(save_clip(tmp_path), modality="text")
    assert isinstance(encoder, TransformerText)
    texts = ["cat", "a text that is longer than the network can read"]
    own = CLIPTokenizer.from_pretrained(tmp_path)
    expected = own(texts, padding="max_length", truncation=True, max_length=LONGEST, return_tensors="pt")
    ids, mask = encoder.tokens(texts)
    assert torch.equal(ids, expected["input_ids"])
    assert torch.equal(mask, expected["attention_mask"].bool())


def test_encoders_of_before_keep_their_fingerprint(tmp_path: Path) -> None:
    name = network(tmp_path, CROPPING)
    encoder, framed = open_encoder(name), open_encoder(name, ["as_trained=true"])
    assert isinstance(encoder, Transformer)
    assert isinstance(framed, Transformer)
    before = {key: value for key, value in asdict(Config()).items() if key != "as_trained"}
    weights, settings = network_digest(encoder.loaded), json.dumps(before, sort_keys=True)
    assert encoder.fingerprint == digest("transformers", weights, settings, str(VERSION))[:16]
    assert framed.fingerprint != encoder.fingerprint


def test_the_regions_of_a_crop_lie_in_the_crop(tmp_path: Path) -> None:
    encoder = open_encoder(network(tmp_path, CROPPING), ["as_trained=true"])
    assert isinstance(encoder, Transformer)
    assert encoder.visible(90, 36) == (29.0, 2.0, 61.0, 34.0)
    boxes = grid_boxes(90, 36, count=4, visible=encoder.visible(90, 36))
    assert boxes[0] == Box(29.0, 2.0, 45.0, 18.0)
    assert boxes[3] == Box(45.0, 18.0, 61.0, 34.0)
    assert open_encoder(network(tmp_path, PROCESSORS[2]), ["as_trained=true"]).visible(90, 36) == (0, 0, 90, 36)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ({}, Framing(224)),
        ({"size": 256, "do_center_crop": True, "resample": 2}, Framing(224, 256, Resampling.BILINEAR)),
        ({"size": {"shortest_edge": 224}, "do_center_crop": False}, Framing(224)),
        ({"size": {"height": 224, "width": 224}, "do_center_crop": True}, Framing(224)),
    ],
)
def test_a_processor_is_read_as_it_is_written(described: dict[str, Any], expected: Framing) -> None:
    assert framing_of_processor(described, side=224) == expected


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ({"resize_mode": "shortest", "interpolation": "bilinear"}, Framing(256, 256, Resampling.BILINEAR)),
        ({"resize_mode": "squash", "interpolation": "bicubic"}, Framing(256)),
        ({}, Framing(256, 256)),
    ],
)
def test_open_clips_description_is_read_as_it_is_written(described: dict[str, Any], expected: Framing) -> None:
    assert framing_of_clip(described, side=256) == expected


def test_only_networks_with_preprocessing_of_their_own_are_set_to_it() -> None:
    assert settings_as_trained("open-clip:RN50/openai") == ("image_encoder.as_trained=true",)
    assert settings_as_trained("efficientnet-lite2") == settings_as_trained("onnx:net.onnx") == ()
