"""Losses over a batch's similarity matrix: rows are pictures, columns texts, the diagonal the true pairs.

name               objective                                                    reference
margin             a match beats a drawn mismatch by a margin, both ways         MCSM, section III
contrastive        all matches of the batch against all mismatches, both ways    Khosla et al., NeurIPS 2020
classification     both sides' vectors name the item's categories                softmax cross-entropy
"""

from math import log

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import relu

COLDEST = log(100)
"""Largest logarithm of 1 / temperature that is learnt: the limit of CLIP (Radford et al., ICML 2021)."""


def margin_loss(
    similarity: Float[Tensor, "b b"],
    negative_texts: Int[Tensor, " b"],
    negative_images: Int[Tensor, " b"],
    *,
    margin: float,
) -> Float[Tensor, ""]:
    """Return the paper's bidirectional margin loss with one drawn negative per anchor and direction:

        1/b sum_n max(0, margin - s(i+, t+) + s(i+, t-)) + max(0, margin - s(i+, t+) + s(i-, t+))

    An anchor whose drawn negative is -1 (there was none) contributes nothing.
    """
    rows = torch.arange(len(similarity), device=similarity.device)
    positive = similarity.diagonal()
    of_text = relu(margin - positive + similarity[rows, negative_texts.clamp_min(0)]) * (negative_texts >= 0)
    of_image = relu(margin - positive + similarity[negative_images.clamp_min(0), rows]) * (negative_images >= 0)
    return (of_text + of_image).mean()


def expected_margin_loss(
    similarity: Float[Tensor, "b b"], matches: Bool[Tensor, "b b"], *, margin: float
) -> Float[Tensor, ""]:
    """Return `margin_loss` averaged over every choice of negatives in the batch: its exact expectation.

    Same optimum and the same mean gradient as drawing one negative uniformly, without the noise of the draw.
    """
    positive = similarity.diagonal()
    others = (~matches).to(similarity.dtype)
    per_text = relu(margin - positive[:, None] + similarity) * others
    per_image = relu(margin - positive[None, :] + similarity) * others
    texts = per_text.sum(1) / others.sum(1).clamp_min(1)
    images = per_image.sum(0) / others.sum(0).clamp_min(1)
    return (texts + images).mean()


def contrastive_loss(
    similarity: Float[Tensor, "b b"],
    matches: Bool[Tensor, "b b"] | Float[Tensor, "b b"],
    *,
    temperature: Float[Tensor, ""] | float,
) -> Float[Tensor, ""]:
    """Return the label-aware contrastive loss, the mean of both directions:

        -1/b sum_i 1/|P(i)| sum_{p in P(i)} log softmax_j(s_ij / temperature)_p

    P(i) are the matches of row i. With partners as the only matches it is InfoNCE. Matches from 0 to 1 are weights of
    the sum over P(i), and their sum takes the place of |P(i)|.
    """
    logits = similarity / temperature
    targets = matches.to(logits.dtype)
    forward = (targets * logits.log_softmax(1)).sum(1) / targets.sum(1).clamp_min(1)
    backward = (targets * logits.log_softmax(0)).sum(0) / targets.sum(0).clamp_min(1)
    return -(forward.mean() + backward.mean()) / 2


def classification_loss(
    logits: Float[Tensor, "b c"], labels: Bool[Tensor, "b c"] | Float[Tensor, "b c"], *, smoothing: float
) -> Float[Tensor, ""]:
    """Return softmax cross-entropy, the mean over the items that have a category; 0 where none has.

    Targets are (1 - smoothing) / |categories of the item| for each of its categories, plus smoothing spread
    evenly over all. Labels from 0 to 1 are shares of the categories.

    Paper: several categories share the target, Mahajan et al., ECCV 2018.
    """
    labelled = labels.to(torch.bool).any(1)
    targets = labels.to(logits.dtype) / labels.sum(1, keepdim=True).clamp_min(1)
    targets = targets * (1 - smoothing) + smoothing / labels.shape[1]
    losses = -(targets * logits.log_softmax(1)).sum(1) * labelled
    return losses.sum() / labelled.sum().clamp_min(1)
