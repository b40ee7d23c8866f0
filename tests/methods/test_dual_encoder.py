"""The dual encoder: its loss is InfoNCE by partner and label-aware by category, and a linear one finds linear pairs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting
from diptych.maths.losses import contrastive_loss
from diptych.methods.batches import Batch
from diptych.methods.dual_encoder import PRESETS, Config, DualEncoder
from diptych.methods.embeddings import embed_pairs
from diptych.settings import override
from diptych.training.loop import build_optimiser, step
from diptych.training.objective import objective

from .features import random_features

BARE = ("image_tower.input_dropout=0", "text_tower.input_dropout=0", "dimensions=6")


def fitted(features: Features, *changes: str) -> DualEncoder:
    torch.manual_seed(0)
    return DualEncoder.fitted(override(PRESETS["default"], [*BARE, *changes]), features)


def loss_of(model: DualEncoder, features: Features) -> torch.Tensor:
    return objective(model, Batch.of(features, range(len(features.texts))), torch.Generator())["contrastive"]


def test_by_partner_the_loss_is_infonce_at_the_learnt_temperature() -> None:
    features = replace(random_features(8), relevant="partner")
    model = fitted(features, "temperature=0.2")
    with torch.no_grad():
        model.scale += 0.5
    images, texts = (
        normalize(model.vectors(m, model.inputs(m, torch.from_numpy(e.whole))), dim=1)
        for m, e in (("image", features.images), ("text", features.texts))
    )
    logits, partners = images @ texts.T / 0.2 * np.exp(0.5), torch.arange(8)
    expected = (cross_entropy(logits, partners) + cross_entropy(logits.T, partners)) / 2
    torch.testing.assert_close(loss_of(model, features), expected)


def test_by_category_all_items_of_a_category_match() -> None:
    features = random_features(8)
    model = fitted(features)
    similarity = torch.from_numpy(embed_pairs(model, features)["common"].similarity())
    labels = torch.from_numpy(features.labels)
    matches = (labels.float() @ labels.float().T) > 0
    torch.testing.assert_close(loss_of(model, features), contrastive_loss(similarity, matches, temperature=0.07))


def test_a_linear_dual_encoder_learns_to_find_partners_of_a_linear_relation() -> None:
    draw = np.random.default_rng(0)
    whole = draw.standard_normal((60, 5)).astype(np.float32)
    texts = whole @ draw.standard_normal((5, 4)).astype(np.float32)
    ids = tuple(f"p{k}" for k in range(60))
    features = Features(Encoded(whole, None), Encoded(texts, None), np.arange(60), None, ids)
    model = fitted(features, "image.power=1", "training.schedule=constant", "training.learning_rate=0.02")
    optimiser, generator = build_optimiser(model, model.config.training), torch.Generator().manual_seed(0)
    for _ in range(150):
        step(model, optimiser, Batch.of(features, range(60)), generator, model.config.training)
    found = embed_pairs(model, features)["common"].similarity().argmax(1)
    assert (found == np.arange(60)).mean() > 0.9
    assert model.scale.item() > -np.log(0.07)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(BadSetting, match="dimensions must be at least 1; got 0"):
        Config(dimensions=0)
    with pytest.raises(BadSetting, match=r"temperature must be above 0; got 0\.0"):
        Config(temperature=0.0)
