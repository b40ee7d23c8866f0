"""CMDN: each network's term against its definition, what it teaches, and that it learns to match."""

import numpy as np
import pytest
import torch
from torch import Tensor

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData
from diptych.methods.batches import Batch
from diptych.methods.cmdn import CMDN, PRESETS, BeliefNetwork, Config
from diptych.methods.contract import GradientMethod
from diptych.methods.embeddings import embed_pairs
from diptych.settings import override
from diptych.training.objective import objective

from .features import random_features
from .pairs import related_features, trained

SMALL = (
    *("code=8", "joint=7", "separate=10", "shared=[6,5]", "shared_dropout=0"),
    *("intra.hidden=[16]", "intra.input_dropout=0", "training.schedule=constant"),
)
LEARNING = ("code=32", "joint=32", "separate=64", "shared=[16,8]", "training.learning_rate=0.01")
"""Settings wide enough to learn from `related_features`."""
TERMS = ("reconstruction", "tie", "label")


def fitted(features: Features, *changes: str) -> CMDN:
    torch.manual_seed(0)
    return CMDN.fitted(override(PRESETS["default"], [*SMALL, *changes]), features)


def scaled(model: CMDN, features: Features) -> dict[str, Tensor]:
    sides = {"image": features.images, "text": features.texts}
    return {m: model.inputs(m, torch.from_numpy(encoded.whole)) for m, encoded in sides.items()}


def separate(model: CMDN, features: Features) -> dict[str, Tensor]:
    """Return the separate representations, from the networks of the first stage."""
    found = {}
    for modality, vectors in scaled(model, features).items():
        codes = model.intra[modality].encode(vectors)
        outputs = torch.cat([(codes + 1) / 2, model.inter.infer(modality, vectors)], 1)
        found[modality] = (
            2 * torch.sigmoid(outputs @ model.joined[modality].weight + model.joined[modality].hidden_bias) - 1
        )
    return found


def losses_of(model: CMDN, features: Features) -> dict[str, Tensor]:
    return objective(model, Batch.of(features, range(len(features.texts))), torch.Generator().manual_seed(3))


def belief() -> BeliefNetwork:
    torch.manual_seed(0)
    network = BeliefNetwork({"image": 12, "text": 9}, 7, rounds=3)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    return network


@pytest.mark.parametrize(("modality", "width"), [("image", 12), ("text", 9)])
def test_joint_units_are_inferred_by_alternating_means(modality: str, width: int) -> None:
    network, values = belief(), torch.randn(4, width)
    W, b, c = network.joint.weight, network.joint.seen_bias, network.joint.hidden_bias
    own, other = (slice(0, 7), slice(7, 14)) if modality == "image" else (slice(7, 14), slice(0, 7))
    first = network.first[modality]
    q = torch.sigmoid(values @ first.weight + first.hidden_bias)
    missing = torch.sigmoid(b[other]).repeat(4, 1)
    for _ in range(3):
        e = torch.sigmoid(q @ W[own] + missing @ W[other] + c)
        missing = torch.sigmoid(e @ W[other].T + b[other])
    torch.testing.assert_close(network.infer(modality, values), e)


def test_the_first_stage_minimises_errors_and_divergences() -> None:
    features = related_features(8, classes=2)
    model = fitted(features).eval()
    vectors, losses = scaled(model, features), losses_of(model, features)
    errors = [((model.intra[m].decoders[m](model.intra[m].encode(x)) - x) ** 2).mean() for m, x in vectors.items()]
    torch.testing.assert_close(losses["intra"], sum(errors))
    generator = torch.Generator().manual_seed(3)
    codes = {m: (model.intra[m].encode(x) + 1) / 2 for m, x in vectors.items()}
    joined = {m: torch.cat([codes[m], model.inter.infer(m, vectors[m])], 1) for m in vectors}
    units = torch.cat([model.inter.units(m, vectors[m]) for m in ("image", "text")], 1)
    # drawn in the order in which the objective draws
    divergences = [model.joined[m].contrastive_divergence(joined[m], generator) / (8 + 7) for m in ("image", "text")]
    torch.testing.assert_close(losses["joined"], sum(divergences))
    own = [model.inter.first[m].contrastive_divergence(x, generator) / x.shape[1] for m, x in vectors.items()]
    torch.testing.assert_close(losses["inter"], sum(own))
    torch.testing.assert_close(losses["inter joint"], model.inter.joint.contrastive_divergence(units, generator) / 14)


def test_each_stacked_layer_reconstructs_ties_and_names_on_the_codes_below() -> None:
    features = related_features(8, classes=2)
    assert features.labels is not None
    model = fitted(features, "tie=0.9", "label=2").eval()
    losses, below = losses_of(model, features), separate(model, features)
    targets = torch.from_numpy(features.labels).float()
    for number, (layer, head) in enumerate(zip(model.shared, model.heads, strict=True), start=1):
        codes = {m: layer.coder(m).encode(below[m]) for m in below}
        errors = [
            ((layer.coder(m).decoders[other](codes[m]) - below[other]) ** 2).mean() for m in below for other in below
        ]
        named = [-(targets * head(codes[m]).log_softmax(1)).sum(1).mean() for m in below]
        expected = {
            "reconstruction": 0.1 * sum(errors),
            "tie": 0.9 * ((codes["image"] - codes["text"]) ** 2).mean(),
            "label": 2 * sum(named) / 2,
        }
        for term, value in expected.items():
            torch.testing.assert_close(losses[f"shared {number} {term}"], value)
        below = codes
    assert len(losses) == 4 + 2 * len(TERMS)


@pytest.mark.parametrize(
    ("term", "network"),
    [
        ("intra", "intra."),
        ("inter", "inter.first."),
        ("inter joint", "inter.joint."),
        ("joined", "joined."),
        *((f"shared 1 {term}", "shared.0.") for term in TERMS),
        *((f"shared 2 {term}", "shared.1.") for term in TERMS),
    ],
)
def test_every_term_teaches_its_own_network_only(term: str, network: str) -> None:
    features = related_features(8, classes=2)
    model = fitted(features)
    losses_of(model, features)[term].backward()
    taught = {name for name, weight in model.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert taught
    heads = network.replace("shared", "heads")
    assert all(name.startswith((network, heads)) for name in taught)


def test_places_are_the_codes_of_the_last_layer_at_unit_length() -> None:
    features = related_features(8, classes=2)
    model = fitted(features)
    assert isinstance(model, GradientMethod)
    placed = embed_pairs(model, features)["common"]
    for modality, found in (("image", placed.images), ("text", placed.texts)):
        vectors = separate(model, features)[modality]
        for layer in model.shared:
            vectors = layer.coder(modality).encode(vectors)
        expected = torch.nn.functional.normalize(vectors, dim=1).detach().numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_reconstruction_and_naming_get_better_in_training() -> None:
    features = related_features(60, classes=3)
    model = fitted(features, *LEARNING)
    losses = trained(model, features, model.config.training, steps=150)
    assert losses[-1]["intra"] < 0.5 * losses[0]["intra"]
    for layer in (1, 2):
        assert losses[-1][f"shared {layer} label"] < 0.5 * losses[0][f"shared {layer} label"]


def test_unseen_pairs_are_matched_by_category() -> None:
    train, test = related_features(120, classes=3), related_features(30, classes=3, seed=1)
    model = fitted(train, *LEARNING)
    trained(model, train, model.config.training, steps=200)
    assert test.labels is not None
    best = embed_pairs(model, test)["common"].similarity().argmax(1)
    assert (test.labels @ test.labels.T)[np.arange(30), best].mean() > 0.8


def test_without_categories_it_is_refused() -> None:
    pairs = random_features(classes=0)
    with pytest.raises(MissingData, match=r"CMDN learns from categories, and these pairs have none\."):
        fitted(pairs)
    with pytest.raises(MissingData, match=r"CMDN learns from categories, and this batch has none\."):
        losses_of(fitted(random_features()), pairs)


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("code=0", "code must be at least 1; got 0"),
        ("joint=0", "joint must be at least 1; got 0"),
        ("separate=0", "separate must be at least 1; got 0"),
        ("mean_field=0", "mean_field must be at least 1; got 0"),
        ("shared=[]", r"shared must be one or more widths of at least 1; got \[\]"),
        ("shared=[8,0]", r"shared must be one or more widths of at least 1; got \[8, 0\]"),
        ("tie=1.5", "tie must lie between 0 and 1; got 1.5"),
        ("label=-1", "label must not be negative; got -1.0"),
        ("shared_dropout=1", "shared_dropout must be at least 0 and below 1; got 1.0"),
    ],
)
def test_impossible_settings_are_refused(setting: str, sentence: str) -> None:
    with pytest.raises(BadSetting, match=sentence):
        override(Config(), [setting])
