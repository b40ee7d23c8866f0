"""Which pairs match, what is drawn, and how the losses are put together."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from diptych.maths.losses import contrastive_loss, expected_margin_loss, margin_loss
from diptych.methods.batches import Targets, class_mates
from diptych.methods.mcsm_presets import LossConfig
from diptych.methods.pair_losses import draw_one, hardest, matches_of, pair_losses

from .features import random_features

LABELS = torch.tensor([[True, False], [False, True], [True, True], [False, False], [False, False]])
EYE = torch.eye(5, dtype=torch.bool)


def batch(labels: Tensor | None, pairs: list[int]) -> Targets:
    return Targets(labels, torch.tensor(pairs))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_without_labels_only_texts_of_the_same_picture_match() -> None:
    same = [[True, False, True], [False, True, False], [True, False, True]]
    assert matches_of(batch(None, [4, 7, 4])).tolist() == same


def test_a_shared_category_makes_a_match_and_items_without_any_match_themselves_only() -> None:
    expected = EYE.clone()
    expected[0, 2] = expected[2, 0] = expected[1, 2] = expected[2, 1] = True
    assert torch.equal(matches_of(batch(LABELS, [0, 1, 2, 3, 4])), expected)


def test_by_partner_a_shared_category_makes_no_match() -> None:
    targets = Targets(LABELS, torch.tensor([0, 1, 2, 3, 0]), "partner")
    expected = EYE.clone()
    expected[0, 4] = expected[4, 0] = True
    assert torch.equal(matches_of(targets), expected)


def test_draws_are_uniform_among_what_is_allowed() -> None:
    allowed, random = torch.tensor([[False, True, True, False]]).repeat(4, 1), generator()
    drawn = torch.cat([draw_one(allowed, random) for _ in range(1000)])
    assert set(drawn.tolist()) == {1, 2}
    assert (drawn == 1).float().mean().item() == pytest.approx(0.5, abs=0.03)


def test_where_nothing_is_allowed_the_draw_says_minus_one() -> None:
    assert draw_one(torch.tensor([[False, False], [True, False]]), generator()).tolist() == [-1, 0]


def test_weights_of_zero_leave_losses_out_and_others_are_multiplied_in() -> None:
    similarity = torch.rand(5, 5, generator=generator())
    config = LossConfig(margin=2.0, negatives="expected", contrastive=3.0, temperature=0.2)
    terms = pair_losses(config, similarity, EYE, generator(), partners=EYE, temperature=config.temperature)
    torch.testing.assert_close(terms["margin"], 2 * expected_margin_loss(similarity, EYE, margin=0.5))
    torch.testing.assert_close(terms["contrastive"], 3 * contrastive_loss(similarity, EYE, temperature=0.2))
    assert pair_losses(LossConfig(), similarity, EYE, generator(), partners=EYE, temperature=0.1) == {}


def drawn_cells(config: LossConfig, matches: Tensor) -> Tensor:
    """Return which similarities the margin loss ever looked at, over many draws, by their gradient's sign."""
    random, seen = generator(), torch.zeros(5, 5)
    for _ in range(200):
        similarity = torch.zeros(5, 5, requires_grad=True)
        terms = pair_losses(config, similarity, matches, random, partners=EYE, temperature=0.1)
        (gradient,) = torch.autograd.grad(terms["margin"], similarity)
        seen = seen + gradient.abs()
    return seen > 0


def test_negatives_of_other_classes_never_touch_a_match_but_the_partner() -> None:
    matches = matches_of(batch(LABELS, [0, 1, 2, 3, 4]))
    seen = drawn_cells(LossConfig(margin=1.0), matches)
    assert torch.equal(seen, ~matches | EYE)


def test_uniform_negatives_draw_class_mates_too() -> None:
    everything = torch.ones(5, 5, dtype=torch.bool)
    config = LossConfig(margin=1.0, negatives="uniform")
    assert drawn_cells(config, everything).all()


@pytest.mark.parametrize(("negatives", "drawn"), [("uniform", True), ("other-class", False)])
def test_only_uniform_negatives_draw_the_anchor_itself(negatives: str, drawn: bool) -> None:
    config, random = LossConfig(margin=1.0, negatives=negatives), generator()
    losses = [
        pair_losses(config, torch.eye(5), EYE, random, partners=EYE, temperature=config.temperature)["margin"]
        for _ in range(50)
    ]
    assert any(loss > 0 for loss in losses) is drawn


def test_the_hardest_negatives_are_the_most_similar_mismatches_and_none_where_all_match() -> None:
    similarity = torch.randn(5, 5, generator=generator())
    matches = EYE.clone()
    matches[4] = True
    texts, images = hardest(similarity, matches)
    for k in range(5):
        row = [(float(similarity[k, j]), j) for j in range(5) if not matches[k, j]]
        column = [(float(similarity[j, k]), j) for j in range(5) if not matches[j, k]]
        assert int(texts[k]) == (max(row)[1] if row else -1)
        assert int(images[k]) == (max(column)[1] if column else -1)
    config = LossConfig(margin=1.0, negatives="hardest")
    found = pair_losses(config, similarity, matches, generator(), partners=EYE, temperature=0.1)["margin"]
    torch.testing.assert_close(found, margin_loss(similarity, texts, images, margin=0.5))


def test_class_mates_are_drawn_uniformly_from_the_whole_training_set() -> None:
    features = random_features(8, classes=2)
    labels = np.array([[1, 0], [1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [0, 0], [1, 0]], dtype=bool)
    features, random = replace(features, labels=labels), generator()
    drawn = np.stack([class_mates(features, np.array([0, 3, 5, 6]), random) for _ in range(2000)])
    for column, allowed in zip(drawn.T, ([0, 1, 2, 5, 7], [3, 4, 5], [0, 1, 2, 3, 4, 5, 7], [6]), strict=True):
        shares = np.bincount(column, minlength=8) / len(column)
        np.testing.assert_allclose(shares[allowed], 1 / len(allowed), atol=0.04)
        assert shares.sum() == pytest.approx(shares[allowed].sum())


def test_by_partner_and_without_categories_a_class_mate_is_the_picture_itself() -> None:
    features, own = random_features(6), np.array([4, 0])
    for each in (replace(features, relevant="partner"), replace(features, labels=None)):
        assert class_mates(each, own, generator()).tolist() == [4, 0]


def test_the_partner_loss_matches_a_picture_with_its_own_texts_alone() -> None:
    similarity, mates = torch.randn(5, 5), torch.ones(5, 5, dtype=torch.bool)
    config = LossConfig(partner=2.0, temperature=0.2)
    terms = pair_losses(config, similarity, mates, generator(), partners=EYE, temperature=config.temperature)
    torch.testing.assert_close(terms, {"partner": 2 * contrastive_loss(similarity, EYE, temperature=0.2)})
