"""Networks in two: frozen first blocks, whose output is cached, and last ones that can learn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from diptych.encoders.contract import Encoder
from diptych.encoders.cut import Augmentation, Cut, Top, TopFeatures, cut
from diptych.encoders.image_cut import MapTop
from diptych.encoders.registry import open_encoder
from diptych.encoders.text_cut import TextTop
from diptych.encoders.vgg19 import build
from diptych.errors import BadSetting
from diptych.maths.sharing import WHOLE, Share

TEXTS = ["A cat sleeps on the unbelievably soft mat.", "Two dogs.", "猫在睡觉", "", "The end."]


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def lite0() -> Encoder:
    opened = open_encoder("efficientnet-lite0", ["side=64"])
    assert isinstance(opened, Encoder)
    return opened


@pytest.fixture(scope="module")
def minilm() -> Encoder:
    opened = open_encoder("minilm", modality="text")
    assert isinstance(opened, Encoder)
    return opened


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    torch.manual_seed(0)
    network = build([4, 4, 5, 5, 6, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 8], [10, 9])
    path = tmp_path_factory.mktemp("weights") / "vgg.safetensors"
    save_file(network.state_dict(), path)
    opened = open_encoder(f"vgg19:{path}", ["side=64"])
    assert isinstance(opened, Encoder)
    return opened


def batch(items: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """Return activations padded with zeros, and their mask."""
    longest = max(map(len, items))
    values, mask = torch.zeros(len(items), longest, items[0].shape[1]), torch.zeros(len(items), longest) > 0
    for k, item in enumerate(items):
        values[k, : len(item)], mask[k, : len(item)] = torch.from_numpy(item).float(), True
    return values, mask


def activations(own: Cut, items: Sequence[Any], *, mirrored: bool = False) -> tuple[Tensor, Tensor]:
    stem = own.mirroring if mirrored else own.stem
    return batch([each.parts for each in stem.encode(items) if each.parts is not None])


@pytest.mark.parametrize("blocks", [1, 8, 16, "all"])
def test_an_efficientnet_in_two_gives_the_features_of_the_whole(
    blocks: Any, lite0: Encoder, pictures: list[np.ndarray]
) -> None:
    own = cut(lite0, blocks)
    with torch.no_grad():
        seen = own.top(*activations(own, pictures))
    for k, (parts, whole) in enumerate(lite0.encode(pictures)):
        np.testing.assert_allclose(seen.parts[k], parts, atol=0.04)  # of numbers up to 6
        np.testing.assert_allclose(seen.whole[k], whole, atol=0.02)


@pytest.mark.parametrize("blocks", [1, 2, 3, 17, 18, "all"])
def test_a_vgg19_in_two_gives_the_features_of_the_whole(blocks: Any, vgg: Encoder, pictures: list[np.ndarray]) -> None:
    own = cut(vgg, blocks)
    with torch.no_grad():
        seen = own.top(*activations(own, pictures))
    for k, (parts, whole) in enumerate(vgg.encode(pictures)):
        np.testing.assert_allclose(seen.parts[k], parts, atol=2e-3)
        np.testing.assert_allclose(seen.whole[k], whole, atol=2e-3)


def test_fc7_of_a_vgg19_can_learn_alone(vgg: Encoder) -> None:
    learning = {name for name, weight in cut(vgg, 1).top.named_parameters() if weight.requires_grad}
    assert learning == {"classifier.3.weight", "classifier.3.bias"}


@pytest.mark.parametrize("blocks", [1, 6, "all"])
def test_a_transformer_in_two_reads_each_sentence_for_itself(blocks: Any, minilm: Encoder) -> None:
    own, prepared = cut(minilm, blocks), [minilm.prepare(text) for text in TEXTS]
    whole, apart = minilm.encode(prepared), [each.parts for each in own.stem.encode(prepared)]
    items = [[0, 1], [2], [3, 4]]
    joined = [np.concatenate([np.asarray(apart[k]) for k in sentences]) for sentences in items]
    with torch.no_grad():
        parts, mask, vectors = own.top(*batch(joined))
    for k, sentences in enumerate(items):
        words = np.concatenate([np.asarray(whole[n].parts) for n in sentences])
        np.testing.assert_allclose(parts[k][mask[k]], words, atol=6e-3)
        np.testing.assert_allclose(vectors[k], np.mean([whole[n].whole for n in sentences], axis=0), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "blocks"), [("lite0", 3), ("lite0", "all"), ("minilm", 2), ("minilm", "all"), ("vgg", 4)]
)
def test_the_depth_of_each_parameter_is_known(name: str, blocks: Any, request: pytest.FixtureRequest) -> None:
    top = cut(request.getfixturevalue(name), blocks).top
    depths = top.depths()
    assert depths.keys() == {name for name, _ in top.named_parameters()}
    assert min(depths.values()) == 0
    assert len(set(depths.values())) == max(depths.values()) + 1


def test_a_learning_top_leaves_the_frozen_network_as_it_is(lite0: Encoder, pictures: list[np.ndarray]) -> None:
    before, own = lite0.encode(pictures), cut(lite0, 2)
    with torch.no_grad():
        for weight in own.top.parameters():
            weight.zero_()
    np.testing.assert_array_equal([each.whole for each in lite0.encode(pictures)], [each.whole for each in before])


def test_the_activations_of_another_cut_are_cached_elsewhere(lite0: Encoder) -> None:
    one, two = cut(lite0, 1), cut(lite0, 2)
    prints = {each.fingerprint for own in (one, two) for each in (own.stem, own.mirroring)}
    assert len(prints | {lite0.fingerprint}) == 5
    assert one.stem.parts_width == one.stem.whole_width == 192
    assert one.mirroring.parts_width == 384


def test_in_training_half_the_pictures_are_mirrored(lite0: Encoder, pictures: list[np.ndarray]) -> None:
    own, count = cut(lite0, 2), 40
    values, mask = activations(own, [pictures[0]] * count, mirrored=True)
    seen, mirrored = (whole_of(lite0, each) for each in (pictures[0], pictures[0][:, ::-1]))
    assert np.abs(seen - mirrored).max() > 0.05
    own.top.augmentation = Augmentation(mirror=True)
    torch.manual_seed(0)
    with torch.no_grad():
        trained, evaluated = own.top.train()(values, mask).whole, own.top.eval()(values, mask).whole
    apart = np.abs(trained.numpy()[:, None] - np.stack([seen, mirrored])).max(2)
    assert (apart.min(1) < 0.02).all()
    assert 10 < (apart.argmin(1) == 0).sum() < 30
    np.testing.assert_allclose(evaluated, np.tile(seen, (count, 1)), atol=0.02)


def whole_of(encoder: Encoder, picture: np.ndarray) -> np.ndarray:
    return encoder.encode([np.ascontiguousarray(picture)])[0].whole.astype(np.float32)


class Same(MapTop):
    """No blocks: the map itself."""

    def __init__(self) -> None:
        super().__init__(nn.Sequential(), width=1)

    def look(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        return maps.permute(0, 2, 3, 1), maps.mean((2, 3))


def test_a_crop_is_a_part_of_the_map_at_the_size_of_the_map() -> None:
    top, ramp = Same(), torch.arange(8.0).repeat(8, 1)  # each column has its number
    values, mask = ramp.reshape(1, 64, 1).repeat(200, 1, 1), torch.ones(200, 64, dtype=torch.bool)
    top.augmentation = Augmentation(crop=0.5)
    torch.manual_seed(0)
    crops = top.train()(values, mask).parts.reshape(200, 8, 8)
    assert torch.allclose(crops, crops[:, :1])  # the rows of the ramp are alike, and so are those of its crops
    step = crops[:, 0, 4] - crops[:, 0, 3]  # a crop of half the side has half a column a place
    assert step.min() > 0.49
    assert step.max() < 1.01
    assert step.std() > 0.1
    assert crops.min() >= 0
    assert crops.max() <= 7
    assert torch.equal(top.eval()(values, mask).parts, values)


class Told(TextTop):
    """No layers: tells what it is given."""

    def __init__(self) -> None:
        super().__init__(None, nn.ModuleList())


def told(top: Told, sentences: Sequence[Sequence[Sequence[float]]]) -> TopFeatures:
    """Return what a top makes of items of sentences of tokens, each token one number."""
    items = [
        np.array([[token, place == 0] for sentence in item for place, token in enumerate(sentence)], dtype=np.float32)
        for item in sentences
    ]
    return top(*batch(items))


def test_in_training_sentences_are_left_out_and_one_stays() -> None:
    top = Told().train()
    top.augmentation = Augmentation(sentences=0.5)
    torch.manual_seed(0)
    item = [[9.0, 1.0, 2.0, 9.0], [9.0, 3.0, 9.0], [9.0, 4.0, 5.0, 6.0, 9.0]]
    parts, mask, _ = told(top, [item] * 300)
    kept = {tuple(words[there].flatten().tolist()) for words, there in zip(parts, mask, strict=True)}
    pieces: list[tuple[float, ...]] = [(1, 2), (3,), (4, 5, 6)]
    every = {sum((p for p, chosen in zip(pieces, which, strict=True) if chosen), ()) for which in np.ndindex(2, 2, 2)}
    assert kept == every - {()}
    assert mask.sum(1).float().mean() == pytest.approx(3.15, abs=0.35)  # of 6 words half, and more where one stays
    assert told(top.eval(), [item])[1].sum() == 6


def test_in_training_words_are_left_out_and_never_all_nor_special_tokens() -> None:
    top = Told().train()
    top.augmentation = Augmentation(words=0.9)
    torch.manual_seed(0)
    parts, mask, whole = told(top, [[[1.0, 0.0, 0.0, 0.0, 1.0]], [[1.0, 1.0]]] * 100)
    assert set(mask[::2].sum(1).tolist()) == {1, 2}
    assert (mask[1::2].sum(1) == 1).all()
    assert not parts[1::2].any()  # a text without words has one part of zeros
    assert (whole == 1).all()  # of one number the unit vector: the special tokens are always there


class Half(Share):
    """The second of two processes that share a batch evenly."""

    def own(self, rows: int) -> slice:
        return slice(rows // 2, rows)

    def rows(self, own: int) -> int:
        return 2 * own

    def gather(self, values: Tensor) -> Tensor:
        return values

    def total(self, values: Tensor) -> Tensor:
        return values


@pytest.mark.parametrize("modality", ["image", "text"])
def test_a_process_draws_for_its_own_rows_what_one_would_draw_for_them(modality: str) -> None:
    top: Top = Same() if modality == "image" else Told()
    top.augmentation = Augmentation(crop=0.5, sentences=0.5, words=0.5)
    random = np.random.default_rng(0)
    if modality == "image":
        values, mask = torch.from_numpy(random.standard_normal((8, 16, 1), dtype=np.float32)), torch.ones(8, 16) > 0
    else:
        item = np.column_stack([np.arange(12.0), np.arange(12) % 4 == 0]).astype(np.float32)
        values, mask = batch([item + np.array([k, 0]) for k in range(8)])
    top.train()
    torch.manual_seed(0)
    whole = top(values, mask).whole
    top.share = Half()
    torch.manual_seed(0)
    own = top(values[4:], mask[4:]).whole
    top.share = WHOLE
    torch.testing.assert_close(own, whole[4:])


@pytest.mark.parametrize(
    ("name", "blocks", "message"),
    [
        ("lite0", 17, r"efficientnet-lite0 has 16 blocks; got tune.image=17. Set 1 to 16, or all"),
        ("minilm", 7, r"minilm has 6 blocks; got tune.text=7. Set 1 to 6, or all"),
        ("vgg", 19, r"has 18 blocks; got tune.image=19"),
    ],
)
def test_more_blocks_than_a_network_has_are_refused(
    name: str, blocks: int, message: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(BadSetting, match=message):
        cut(request.getfixturevalue(name), blocks)


def test_a_network_whose_blocks_cannot_be_listed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("cat 1.0 2.0\ndog 2.0 1.0\n")
    words = open_encoder(f"word2vec:{tmp_path / 'words.txt'}", modality="text")
    assert isinstance(words, Encoder)
    with pytest.raises(BadSetting, match=r"cannot be cut in two, .* Set tune.text=0, or .* such as minilm"):
        cut(words, 1)


def test_features_of_two_pictures_at_once_cannot_be_learnt_through() -> None:
    flipping = open_encoder("efficientnet-lite0", ["side=64", "flip=true"])
    assert isinstance(flipping, Encoder)
    with pytest.raises(BadSetting, match=r"flip averages .* Set image_encoder.flip=false"):
        cut(flipping, 1)
