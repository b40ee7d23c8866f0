"""The losses of one space over a batch of pairs, combined according to a `LossConfig`."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from diptych.maths.losses import contrastive_loss, expected_margin_loss, margin_loss
from diptych.methods.batches import Targets
from diptych.methods.mcsm_presets import LossConfig


def pair_losses(
    config: LossConfig,
    similarity: Float[Tensor, "b b"],
    matches: Bool[Tensor, "b b"] | Float[Tensor, "b b"],
    generator: torch.Generator,
    *,
    partners: Bool[Tensor, "b b"] | Float[Tensor, "b b"],
    temperature: Float[Tensor, ""] | float,
) -> dict[str, Tensor]:
    """Return the weighted margin and contrastive losses of a similarity matrix, rows pictures, columns texts.

    Matches and partners from 0 to 1 are weights; the margin loss takes none.
    """
    terms: dict[str, Tensor] = {}
    if config.margin:
        terms["margin"] = config.margin * _margin(config, similarity, matches.to(torch.bool), generator)
    if config.contrastive:
        loss = contrastive_loss(similarity, matches, temperature=temperature)
        terms["contrastive"] = config.contrastive * loss
    if config.partner:
        terms["partner"] = config.partner * contrastive_loss(similarity, partners, temperature=temperature)
    return terms


def _margin(
    config: LossConfig,
    similarity: Float[Tensor, "b b"],
    matches: Bool[Tensor, "b b"],
    generator: torch.Generator,
) -> Float[Tensor, ""]:
    if config.negatives == "hardest":
        return margin_loss(similarity, *hardest(similarity, matches), margin=config.margin_size)
    if config.negatives == "expected":
        return expected_margin_loss(similarity, matches, margin=config.margin_size)
    allowed = torch.ones_like(matches) if config.negatives == "uniform" else ~matches
    texts, images = draw_one(allowed, generator), draw_one(allowed.T, generator)
    return margin_loss(similarity, texts, images, margin=config.margin_size)


def draw_one(allowed: Bool[Tensor, "b b"], generator: torch.Generator) -> Int[Tensor, " b"]:
    """Return for each row one of its allowed columns, drawn uniformly; -1 where none is allowed."""
    noise = torch.rand(allowed.shape, generator=generator).to(allowed.device)
    drawn = noise.masked_fill(~allowed, -1.0).argmax(1)
    return torch.where(allowed.any(1), drawn, -1)


def hardest(
    similarity: Float[Tensor, "b b"], matches: Bool[Tensor, "b b"]
) -> tuple[Int[Tensor, " b"], Int[Tensor, " b"]]:
    """Return the most similar mismatched text of each picture, and picture of each text; -1 where all match."""
    wrong = similarity.detach().masked_fill(matches, float("-inf"))
    none = matches.all(1), matches.all(0)
    texts, images = wrong.argmax(1), wrong.argmax(0)
    return torch.where(none[0], -1, texts), torch.where(none[1], -1, images)


def partners_of(targets: Targets) -> Bool[Tensor, "b b"]:
    """Return which texts of a batch belong to which pictures."""
    return targets.pairs[:, None] == targets.pairs[None, :]


def matches_of(targets: Targets) -> Bool[Tensor, "b b"]:
    """Return which pictures of a batch match which texts: the same pair or, where categories count, a shared one."""
    if targets.labels is None or targets.relevant == "partner":
        return partners_of(targets)
    counts = targets.labels.to(torch.float32)
    return partners_of(targets) | ((counts @ counts.T) > 0)
