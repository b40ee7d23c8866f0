"""Batches and placed features."""

import numpy as np
import pytest
import torch

from diptych.errors import UnknownName
from diptych.methods import ROOM
from diptych.methods.batches import Batch, FeatureBatch
from diptych.methods.embeddings import PairEmbeddings
from diptych.methods.module import PartnerModule, open_method, preset_of

from .features import REGION, random_features


def test_a_batch_pairs_each_text_with_its_picture() -> None:
    features = random_features(4, texts=2)
    batch = Batch.of(features, [5, 0, 4])
    assert batch.targets.pairs.tolist() == [2, 0, 2]
    assert batch.targets.labels is not None
    assert torch.equal(batch.targets.labels, torch.from_numpy(features.labels)[[2, 0, 2]])
    torch.testing.assert_close(batch.texts.whole, torch.from_numpy(features.texts.whole)[[5, 0, 4]])
    torch.testing.assert_close(batch.images.whole, torch.from_numpy(features.images.whole)[[2, 0, 2]])


def test_a_side_is_padded_to_its_longest_item() -> None:
    side = FeatureBatch.of(random_features(4).texts, [1, 2])
    assert side.parts is not None
    assert side.mask is not None
    assert side.mask.sum(1).tolist() == [1, 5]
    assert side.parts.shape[1] == 5
    assert (side.parts[0, 1:] == 0).all()


def test_parts_are_left_out_where_there_are_none_or_none_are_asked_for() -> None:
    features = random_features(4, regions=False)
    assert FeatureBatch.of(features.images, [0]).parts is None
    assert FeatureBatch.of(features.texts, [0], parts=False).parts is None
    assert FeatureBatch.of(random_features(4).images, [0]).parts.shape == (1, 4, REGION)


def test_similarity_is_the_inner_product_and_taking_some_leaves_the_weights() -> None:
    images, texts = np.eye(3, 2, dtype=np.float32), np.array([[2.0, 3.0]], dtype=np.float32)
    placed = PairEmbeddings(images, texts, (np.ones(1, dtype=np.float32),) * 3)
    assert placed.similarity().tolist() == [[2.0], [3.0], [0.0]]
    taken = placed.take(images=[1], texts=[0, 0])
    assert taken.similarity().tolist() == [[3.0, 3.0]]
    assert taken.attention == ()


@pytest.mark.parametrize("name", ROOM.names())
def test_partners_replace_presets_by_others_of_the_same_names_and_class(name: str) -> None:
    module = open_method(name)
    own = module.PARTNER_PRESETS if isinstance(module, PartnerModule) else {}
    assert own.keys() <= module.PRESETS.keys()
    for preset, config in module.PRESETS.items():
        assert preset_of(module, preset, "category") is preset_of(module, preset, "both") is config
        suited = preset_of(module, preset, "partner")
        assert suited is own.get(preset, config)
        assert type(suited) is type(config)


def test_a_misspelt_preset_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"presets of mcsm has no entry 'papre'. Did you mean 'paper'"):
        preset_of(open_method("mcsm"), "papre", "category")
