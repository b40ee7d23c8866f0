"""Pairs whose modalities show one hidden cause, and training on them, for tests of methods that learn by gradient."""

import numpy as np
import torch

from diptych.data.features import Encoded, Features
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod
from diptych.methods.recipe import Recipe
from diptych.training.loop import build_optimiser, step

CAUSES = 4


def related_features(count: int, *, classes: int = 0, noise: float = 0.3, seed: int = 0) -> Features:
    """Return pairs that are linear in one hidden cause each, which leans towards a category where there are any."""
    fixed, draw = np.random.default_rng(7), np.random.default_rng(seed)
    to_image, to_text = fixed.standard_normal((CAUSES, 12)), fixed.standard_normal((CAUSES, 9))
    means = 2 * fixed.standard_normal((max(classes, 1), CAUSES))
    kinds = np.arange(count) % max(classes, 1)
    causes = draw.standard_normal((count, CAUSES)) + (means[kinds] if classes else 0)

    def seen(shown: np.ndarray) -> Encoded:
        return Encoded((causes @ shown + noise * draw.standard_normal((count, shown.shape[1]))).astype(np.float32))

    labels = kinds[:, None] == np.arange(classes) if classes else None
    return Features(seen(to_image), seen(to_text), np.arange(count), labels, tuple(f"p{k}" for k in range(count)))


def trained(model: torch.nn.Module, features: Features, recipe: Recipe, steps: int) -> list[dict[str, float]]:
    """Take steps over all texts at once and return the losses of each."""
    assert isinstance(model, GradientMethod)
    torch.manual_seed(0)
    optimiser, generator = build_optimiser(model, recipe), torch.Generator().manual_seed(0)
    batch = Batch.of(features, range(len(features.texts)))
    model.train()
    return [step(model, optimiser, batch, generator, recipe) for _ in range(steps)]


def vectors_of(features: Features) -> dict[str, torch.Tensor]:
    """Return the whole vectors of both modalities in double precision."""
    sides = {"image": features.images, "text": features.texts}
    return {modality: torch.from_numpy(encoded.whole).double() for modality, encoded in sides.items()}
