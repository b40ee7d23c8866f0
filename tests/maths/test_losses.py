"""Losses against literal loops and torch's own."""

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from diptych.maths.losses import classification_loss, contrastive_loss, expected_margin_loss, margin_loss

LABELS = torch.tensor([0, 1, 0, 2, 1])
MATCHES = LABELS[:, None] == LABELS[None, :]


def similarity() -> Tensor:
    return torch.rand(5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 2 - 1


def margin_loop(s: Tensor, texts: Tensor, images: Tensor, margin: float) -> Tensor:
    total = torch.zeros((), dtype=s.dtype)
    for n in range(len(s)):
        if texts[n] >= 0:
            total = total + max(s.new_zeros(()), margin - s[n, n] + s[n, texts[n]])
        if images[n] >= 0:
            total = total + max(s.new_zeros(()), margin - s[n, n] + s[images[n], n])
    return total / len(s)


def test_the_margin_loss_equals_its_loop() -> None:
    s, texts, images = similarity(), torch.tensor([1, 0, -1, 2, 3]), torch.tensor([3, 2, 1, -1, 0])
    torch.testing.assert_close(margin_loss(s, texts, images, margin=0.5), margin_loop(s, texts, images, 0.5))


def test_an_anchor_without_a_negative_contributes_nothing() -> None:
    none = torch.full((5,), -1)
    assert margin_loss(similarity(), none, none, margin=0.5).item() == 0.0


def test_the_expected_margin_loss_is_the_mean_over_every_choice_of_negatives() -> None:
    s = similarity()
    choices = [torch.nonzero(~row).flatten() for row in MATCHES]
    drawn = [torch.stack(picked) for picked in product(*choices)]
    nobody = torch.full((5,), -1)
    texts = torch.stack([margin_loss(s, picked, nobody, margin=0.5) for picked in drawn]).mean()
    images = torch.stack([margin_loss(s, nobody, picked, margin=0.5) for picked in drawn]).mean()
    torch.testing.assert_close(expected_margin_loss(s, MATCHES, margin=0.5), texts + images)


def test_a_batch_of_matches_only_has_no_margin_loss() -> None:
    everything = torch.ones(5, 5, dtype=torch.bool)
    assert expected_margin_loss(similarity(), everything, margin=0.5).item() == 0.0


def test_the_contrastive_loss_equals_its_loop() -> None:
    s, total = similarity(), torch.zeros((), dtype=torch.float64)
    for logits in (s / 0.2, s.T / 0.2):
        for row, matches in zip(logits, MATCHES, strict=True):
            chosen = [row[p] - torch.logsumexp(row, 0) for p in range(5) if matches[p]]
            total = total - torch.stack(chosen).mean() / 5 / 2
    torch.testing.assert_close(contrastive_loss(s, MATCHES, temperature=0.2), total)


def test_with_partners_only_the_contrastive_loss_is_infonce() -> None:
    s, partners = similarity(), torch.arange(5)
    expected = (cross_entropy(s / 0.1, partners) + cross_entropy(s.T / 0.1, partners)) / 2
    torch.testing.assert_close(contrastive_loss(s, torch.eye(5, dtype=torch.bool), temperature=0.1), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_with_one_category_an_item_the_classification_loss_is_torch_cross_entropy(smoothing: float) -> None:
    logits, labels = similarity()[:, :3], torch.eye(3, dtype=torch.bool)[LABELS]
    expected = cross_entropy(logits, LABELS, label_smoothing=smoothing)
    torch.testing.assert_close(classification_loss(logits, labels, smoothing=smoothing), expected)


def test_several_categories_share_the_target_evenly() -> None:
    logits = similarity()[:2, :3]
    labels = torch.tensor([[True, True, False], [False, False, True]])
    shared = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    expected = cross_entropy(logits, shared, label_smoothing=0.2)
    torch.testing.assert_close(classification_loss(logits, labels, smoothing=0.2), expected)


def test_items_without_a_category_contribute_nothing() -> None:
    logits, labels = similarity()[:, :3].requires_grad_(), torch.eye(3, dtype=torch.bool)[LABELS]
    labels[1] = labels[4] = False
    loss = classification_loss(logits, labels, smoothing=0.1)
    torch.testing.assert_close(loss, cross_entropy(logits[[0, 2, 3]], LABELS[[0, 2, 3]], label_smoothing=0.1))
    (gradient,) = torch.autograd.grad(loss, logits)
    assert (gradient[[1, 4]] == 0).all()
    assert classification_loss(logits, torch.zeros_like(labels), smoothing=0.1).item() == 0.0
