import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    AutoTokenizer,
    CLIPModel,
    ConvNextConfig,
    ConvNextModel,
    Dinov2Config,
    Dinov2Model,
    SiglipConfig,
    SiglipModel,
    ViTConfig,
    ViTModel,
)

from diptych.benchmark.cell import Cell
from diptych.benchmark.grid import Benchmark
from diptych.benchmark.task import DataSource
from diptych.data.sources import open_data
from diptych.encoders.cut import Augmentation, cut
from diptych.encoders.encoding import encode_dataset
from diptych.encoders.registry import open_encoder, open_encoders
from diptych.encoders.transformers import Transformer, TransformerText
from diptych.errors import BadCheckpoint, BadSetting
from diptych.methods.embeddings import embed_pairs
from diptych.methods.joint import Config, Joint

from .dual import LONGEST, save_clip

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


def test_of_a_clip_the_image_side_lies_in_the_joint_space(tmp_path: Path) -> None:
    name = save_clip(tmp_path)
    (vectors,) = open_encoder(name).encode([pixels()])
    model = CLIPModel.from_pretrained(tmp_path).eval()
    with torch.inference_mode():
        seen = model.vision_model(pixel_values=scaled())
        whole = model.visual_projection(seen.pooler_output)
    np.testing.assert_allclose(vectors.parts, seen.last_hidden_state[0, 1:], atol=3e-3)
    np.testing.assert_allclose(vectors.whole, whole[0], atol=3e-3)


@pytest.mark.parametrize("text", ["a cat", "", "a text that is far longer than what the network reads"])
def test_of_a_clip_the_text_side_lies_in_the_joint_space(text: str, tmp_path: Path) -> None:
    encoder = open_encoder(save_clip(tmp_path), modality="text")
    assert encoder.modality == "text"
    both = encoder.encode([encoder.prepare(each) for each in ("another", text)])
    model, tokenizer = CLIPModel.from_pretrained(tmp_path).eval(), AutoTokenizer.from_pretrained(tmp_path)
    with torch.inference_mode():
        tokens = tokenizer([text], truncation=True, max_length=LONGEST, return_tensors="pt")
        seen = model.text_model(**tokens)
        whole = model.text_projection(seen.pooler_output)
    np.testing.assert_allclose(both[1].parts, seen.last_hidden_state[0], atol=3e-3)
    np.testing.assert_allclose(both[1].whole, whole[0], atol=3e-3)
    assert (encoder.parts_width, encoder.whole_width) == (8, 4)


def test_of_a_clip_spans_say_where_each_token_stands(tmp_path: Path) -> None:
    encoder = open_encoder(save_clip(tmp_path), modality="text")
    text = "a cat in a hat on a mat"
    spans, (vectors,) = encoder.spans(text), encoder.encode([text])
    assert (spans[0], spans[-1], len(spans)) == (None, None, len(vectors.parts))
    assert [text[slice(*span)] for span in spans[1:-1]] == list("acatinahat")


def test_a_siglip_is_read_without_a_projection(tmp_path: Path) -> None:
    words = {**TINY, "vocab_size": 80, "max_position_embeddings": LONGEST, "projection_size": 8}
    save_clip(tmp_path)
    model = SiglipModel(SiglipConfig(text_config=words, vision_config={**TINY, **SEEN})).eval()
    name = saved(model, tmp_path)
    (image,), (text,) = (
        open_encoder(name).encode([pixels()]),
        open_encoder(name, modality="text").encode(["a cat"]),
    )
    with torch.inference_mode():
        seen = model.vision_model(pixel_values=scaled()).pooler_output
    np.testing.assert_allclose(image.whole, seen[0], atol=3e-3)
    assert text.whole.shape == image.whole.shape == (8,)


def test_both_sides_of_one_clip_are_compared_by_joint(tiny_set: Path, tmp_path: Path) -> None:
    name, dataset = save_clip(tmp_path), open_data(str(tiny_set))
    features = encode_dataset(dataset, range(6), *open_encoders(name, name))
    placed = embed_pairs(Joint.fitted(Config(name), features), features)["common"]
    assert placed.similarity().shape == (6, 6)
    model, tokenizer = CLIPModel.from_pretrained(tmp_path).eval(), AutoTokenizer.from_pretrained(tmp_path)
    read = tokenizer(
        list(dataset.pairs[3].texts), truncation=True, max_length=LONGEST, padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        picture = torch.from_numpy(features.images.whole[2:3])
        texts = model.text_projection(model.text_model(**read).pooler_output).mean(0, keepdim=True)
        cosine = torch.nn.functional.cosine_similarity(picture, texts)
    assert placed.similarity()[2, 3] == pytest.approx(float(cosine), abs=3e-3)


def test_a_network_without_a_text_side_is_refused_for_texts(tmp_path: Path) -> None:
    name = saved(ViTModel(ViTConfig(**TINY, **SEEN)), tmp_path)
    with pytest.raises(BadSetting, match=f"as an encoder of texts {name} must name a dual encoder .* it is a ViTModel"):
        open_encoder(name, modality="text")


def test_a_convolutional_network_gives_its_last_map(tmp_path: Path) -> None:
    model = ConvNextModel(ConvNextConfig(hidden_sizes=[4, 4, 4, 8], depths=[1, 1, 1, 1], image_size=64))
    encoder = open_encoder(saved(model, tmp_path), ["side=96"])
    (vectors,) = encoder.encode([np.zeros((96, 96, 3), dtype=np.uint8)])
    assert vectors.parts.shape == (9, 8)
    assert vectors.whole.shape == (8,)


def test_a_network_that_states_no_size_asks_for_one(tmp_path: Path) -> None:
    config = ConvNextConfig(hidden_sizes=[4, 4, 4, 8], depths=[1, 1, 1, 1], image_size=0)
    name = saved(ConvNextModel(config), tmp_path)
    with pytest.raises(BadSetting, match=r"does not declare its input size. Set it: side=224"):
        open_encoder(name)


def test_a_folder_without_a_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=f"{tmp_path} cannot be opened by transformers: "):
        open_encoder(f"transformers:{tmp_path}")


def test_a_dual_encoder_is_a_row_of_a_benchmark(tmp_path: Path, tiny_set: Path) -> None:
    (tmp_path / "clip").mkdir()
    name = save_clip(tmp_path / "clip")
    source = DataSource(str(tiny_set), None, None, "efficientnet-lite0", "glove", ("image_encoder.side=64",))
    table = Benchmark(
        source, tmp_path / "out", ("cca", "joint"), search_budget=1, settings=(f"joint.model={name}",)
    ).run(jobs=1)
    assert {row.name for row in table.rows} == {"cca", "joint", "chance"}
    cell = Cell.read(tmp_path / "out" / "cells" / "joint" / "split-official.json")
    assert {cell.config["encoders"][modality]["name"] for modality in ("image", "text")} == {name}


DEEPER = {**TINY, "num_hidden_layers": 3}
NETWORKS = {
    "vit": lambda: ViTModel(ViTConfig(**DEEPER, **SEEN)),
    "dinov2": lambda: Dinov2Model(Dinov2Config(**DEEPER, **SEEN)),
    "convnext": lambda: ConvNextModel(ConvNextConfig(hidden_sizes=[4, 4, 4, 8], depths=[1, 1, 1, 1], image_size=64)),
    "siglip": lambda: SiglipModel(
        SiglipConfig(text_config={**TINY, "vocab_size": 50}, vision_config={**DEEPER, **SEEN})
    ),
}


@pytest.mark.parametrize("blocks", [1, 2, "all"])
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_network_in_two_gives_the_features_of_the_whole(kind: str, blocks: Any, tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoder = open_encoder(saved(NETWORKS[kind]().eval(), tmp_path), ["side=64"] if kind == "convnext" else [])
    assert isinstance(encoder, Transformer)
    side = encoder.side
    pictures = list(np.random.default_rng(1).integers(0, 256, (3, side, side, 3), dtype=np.uint8))
    own = cut(encoder, blocks)
    values = torch.from_numpy(np.stack([each.parts for each in own.stem.encode(pictures)])).float()
    assert own.stem.parts_width == values.shape[2]
    seen = own.top(values, torch.ones(values.shape[:2], dtype=torch.bool))
    for k, (parts, whole) in enumerate(encoder.encode(pictures)):
        np.testing.assert_allclose(seen.parts[k].detach(), parts, atol=0.02)
        np.testing.assert_allclose(seen.whole[k].detach(), whole, atol=0.02)
    seen.whole.square().sum().backward()
    depths = own.top.depths()
    assert depths.keys() == {name for name, _ in own.top.named_parameters()}
    learnt = {depths[name] for name, weight in own.top.named_parameters() if weight.grad is not None}
    assert learnt == {0} if blocks in (1, "all") else learnt == {0, 1}


def save_siglip(folder: Path) -> str:
    """Save a SigLIP with the tokenizer of a CLIP; it reads padding too, and has no mask."""
    save_clip(folder)
    texts = {**DEEPER, "vocab_size": 80, "max_position_embeddings": LONGEST, "projection_size": 8}
    torch.manual_seed(0)
    model = SiglipModel(SiglipConfig(text_config=texts, vision_config={**DEEPER, **SEEN}))
    model.save_pretrained(folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "model_input_names": ["input_ids"]}))
    return f"transformers:{folder}"


SAVED = {"clip": lambda folder: save_clip(folder, layers=3), "siglip": save_siglip}


@pytest.mark.parametrize("blocks", [1, 2, "all"])
@pytest.mark.parametrize("kind", SAVED)
def test_a_text_network_in_two_reads_each_sentence_for_itself(kind: str, blocks: Any, tmp_path: Path) -> None:
    encoder = open_encoder(SAVED[kind](tmp_path), modality="text")
    assert isinstance(encoder, TransformerText)
    assert encoder.masks_words == (kind == "clip")
    own, texts = cut(encoder, blocks), ["ab cd", "", "a far longer text than the network reads", "0 1 2"]
    whole, apart = encoder.encode(texts), [np.asarray(each.parts) for each in own.stem.encode(texts)]
    assert {each.shape for each in apart} == {(LONGEST, own.stem.parts_width)}
    items = [[0, 1], [2], [3]]
    values = torch.zeros(3, 2 * LONGEST, own.stem.parts_width)
    mask = torch.zeros(3, 2 * LONGEST, dtype=torch.bool)
    for k, sentences in enumerate(items):
        joined = np.concatenate([apart[n] for n in sentences])
        values[k, : len(joined)], mask[k, : len(joined)] = torch.from_numpy(joined).float(), True
    seen = own.top(values, mask)
    for k, sentences in enumerate(items):
        words = np.concatenate([np.asarray(whole[n].parts) for n in sentences])
        np.testing.assert_allclose(seen.parts[k][seen.mask[k]].detach(), words, atol=0.02)
        mean = np.mean([whole[n].whole for n in sentences], axis=0)
        np.testing.assert_allclose(seen.whole[k].detach(), mean, atol=0.02)
    seen.whole.square().sum().backward()
    depths = own.top.depths()
    assert depths.keys() == {name for name, _ in own.top.named_parameters()}
    learnt = {depths[name] for name, weight in own.top.named_parameters() if weight.grad is not None}
    assert learnt == {0} if blocks in (1, "all") else learnt == {0, 1}


def test_words_are_left_out_where_a_mask_hides_them(tmp_path: Path) -> None:
    encoder = open_encoder(save_clip(tmp_path, layers=2), modality="text")
    assert isinstance(encoder, TransformerText)
    own = cut(encoder, 1)
    values = torch.from_numpy(np.stack([each.parts for each in own.stem.encode(["ab cd ef"] * 20)])).float()
    mask = torch.ones(values.shape[:2], dtype=torch.bool)
    own.top.augmentation = Augmentation(words=0.5)
    torch.manual_seed(0)
    with torch.no_grad():
        counts = own.top.train()(values, mask).mask.sum(1).tolist()
        assert set(own.top.eval()(values, mask).mask.sum(1).tolist()) == {8}
    assert 2 < min(counts) < max(counts) <= 8


def test_a_network_with_a_single_block_cannot_be_cut(tmp_path: Path) -> None:
    encoder = open_encoder(saved(ViTModel(ViTConfig(**TINY, **SEEN)), tmp_path))
    with pytest.raises(BadSetting, match=r"cannot be cut in two, because its blocks cannot be listed"):
        cut(encoder, 1)
    with pytest.raises(BadSetting, match=r"cannot be cut in two"):
        cut(open_encoder(save_clip(tmp_path), modality="text"), 1)
