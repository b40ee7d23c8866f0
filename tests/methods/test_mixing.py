"""Mixed pairs: what is mixed with what, how far mixed pairs match, and what they name."""

import pytest
import torch

from diptych.errors import BadSetting
from diptych.maths.losses import classification_loss, contrastive_loss
from diptych.methods.batches import Batch
from diptych.methods.mcsm_presets import LossConfig
from diptych.methods.mixing import Mixture
from diptych.training.objective import objective

from .features import random_features
from .test_mcsm import fitted

MIXTURE = Mixture(torch.tensor([[1.0], [0.25], [0.5]]), torch.tensor([2, 0, 1]))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_mixed_row_is_the_convex_combination_of_its_two() -> None:
    rows = torch.randn(3, 4, generator=generator())
    expected = torch.stack([rows[0], 0.25 * rows[1] + 0.75 * rows[0], 0.5 * rows[2] + 0.5 * rows[1]])
    torch.testing.assert_close(MIXTURE.of(rows), expected)


def test_draws_are_uniform_shares_and_a_permutation_that_depends_on_the_generator_alone() -> None:
    drawn, again = Mixture.drawn(4000, generator()), Mixture.drawn(4000, generator())
    assert torch.equal(drawn.kept, again.kept)
    assert torch.equal(drawn.other, again.other)
    assert sorted(drawn.other.tolist()) == list(range(4000))
    assert drawn.kept.mean().item() == pytest.approx(1 / 2, abs=0.02)
    assert drawn.kept.var().item() == pytest.approx(1 / 12, abs=0.005)


def test_mixed_pairs_match_by_the_share_that_agrees_and_fully_with_themselves() -> None:
    same = torch.tensor([[1, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)
    found = MIXTURE.matches(same)
    for i in range(3):
        for j in range(3):
            mixed = 0.0
            for of_i, row in ((MIXTURE.kept[i].item(), i), (1 - MIXTURE.kept[i].item(), int(MIXTURE.other[i]))):
                for of_j, column in ((MIXTURE.kept[j].item(), j), (1 - MIXTURE.kept[j].item(), int(MIXTURE.other[j]))):
                    mixed += of_i * of_j * same[row, column].item()
            assert found[i, j].item() == pytest.approx(1.0 if i == j else mixed)


def test_a_mixed_pair_has_its_two_categories_in_their_shares_and_none_where_neither_has_one() -> None:
    labels = torch.tensor([[True, False], [True, True], [False, False]])
    found = MIXTURE.categories(labels)
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0], [0.875, 0.125], [0.25, 0.25]]))
    assert not Mixture(torch.ones(3, 1), torch.tensor([0, 1, 2])).categories(labels)[2].any()


def test_the_losses_of_mixed_pairs_are_those_of_their_mixed_vectors_matches_and_shares() -> None:
    features = random_features(8)
    assert features.labels is not None
    weights = ("loss.contrastive=2", "loss.partner=3", "loss.classification=1", "loss.temperature=0.2")
    model = fitted(features, "default", "loss.mixup=true", *weights).eval()
    batch = Batch.of(features, range(8))
    terms = objective(model, batch, generator())
    mixture, labels = Mixture.drawn(8, generator()), torch.from_numpy(features.labels)
    matches = ((labels.float() @ labels.float().T) > 0) | torch.eye(8, dtype=torch.bool)
    sides = [
        {
            name: mixture.of(model.represent(name, modality, model.prepared(modality, side))["vectors"])
            for name in model.spaces
        }
        for modality, side in (("image", batch.images), ("text", batch.texts))
    ]
    for name in model.spaces:
        images, texts = (torch.nn.functional.normalize(side[name], dim=1) for side in sides)
        similarity = images @ texts.T
        expected = {
            "contrastive": 2 * contrastive_loss(similarity, mixture.matches(matches), temperature=0.2),
            "partner": 3 * contrastive_loss(similarity, torch.eye(8), temperature=0.2),
            "classification": classification_loss(
                model.logits(name, torch.cat([images, texts])),
                mixture.categories(labels).repeat(2, 1),
                smoothing=0.0,
            ),
        }
        for term, value in expected.items():
            torch.testing.assert_close(terms[f"{name} {term}"], value)


def test_mixed_pairs_and_the_margin_loss_exclude_each_other() -> None:
    with pytest.raises(BadSetting, match="which the margin loss cannot judge"):
        LossConfig(margin=1.0, mixup=True)
