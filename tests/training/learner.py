"""A model with two weights and a data set of numbers: all that the loop needs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from diptych.data.features import Encoded, Features
from diptych.fusion.record import ChosenRule
from diptych.methods.batches import FeatureBatch, Targets
from diptych.methods.contract import Embedding, Method, Representation, Representations
from diptych.methods.recipe import Recipe
from diptych.relevance import Relevant
from diptych.training.loop import fit
from diptych.training.run import TrainingRun
from diptych.training.run_folder import RunFolder
from diptych.training.state import TrainingState

RECIPE = Recipe(epochs=3, batch=4, learning_rate=0.1, schedule="constant", clip=0.0)


class Learner(nn.Module):
    """Learns y = w x + b, the pictures being x and the texts y."""

    spaces = ("only",)
    notes = ()
    reads_parts = True
    mates_in: tuple[str, ...] = ()
    rows_at_once = 100
    space_widths: ClassVar[Mapping[str, int]] = {"only": 1}

    def __init__(self, *, poison: float = 0.0) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)
        nn.init.zeros_(self.line.weight)
        nn.init.zeros_(self.line.bias)
        self.poison = poison
        self.seen: list[list[float]] = []

    def represent(self, space: str, modality: str, batch: FeatureBatch) -> Representation:
        return {"numbers": self.line(batch.whole) if modality == "image" else batch.whole, "whole": batch.whole}

    def loss(self, rows: Representations, targets: Targets, generator: torch.Generator) -> dict[str, Tensor]:
        images, texts = (rows["only"][modality] for modality in ("image", "text"))
        self.seen.append(images["whole"][:, 0].tolist())
        error = (images["numbers"] - texts["numbers"]).pow(2).mean()
        noise = torch.rand(1, generator=generator).mean()
        return {"error": error + self.poison, "noise": 0 * self.line.bias.sum() + noise}

    def takes_parts(self, space: str, modality: str) -> bool:
        return False

    def reads(self, space: str) -> None:
        return

    def check(self, modality: str, encoded: Encoded) -> None:
        return

    def embed(self, modality: str, batch: FeatureBatch) -> Mapping[str, Embedding]:
        return {"only": Embedding(self.represent("only", modality, batch)["numbers"])}


def numbers(rows: int) -> Features:
    """Return the pairs (k / rows, 2 k / rows - 1)."""
    x = (np.arange(rows, dtype=np.float32) / max(rows, 1))[:, None]
    ids = tuple(str(k) for k in range(rows))
    return Features(Encoded(x), Encoded(2 * x - 1), np.arange(rows), None, ids)


class Scripted:
    """A validation that gives these figures, one after another, and has no fusion to choose."""

    relevant: Relevant = "category"

    def __init__(self, figures: Iterable[float]) -> None:
        self.left = iter(figures)

    def validate(self, model: Method) -> float:
        return next(self.left)

    def choose_fusion(self, model: Method) -> Mapping[str, ChosenRule]:
        return {}


def even() -> Scripted:
    """Return a validation that finds every epoch equally good."""
    return Scripted(repeat(0.5))


def learn(
    path: Path, figures: list[float], *, rows: int = 10, **recipe: Any
) -> tuple[TrainingState, Learner, RunFolder]:
    """Train the learner with validation figures that are known beforehand."""
    model, folder = Learner(), RunFolder(path)
    chosen = replace(RECIPE, epochs=len(figures), **recipe) if "epochs" not in recipe else replace(RECIPE, **recipe)
    state = fit(model, numbers(rows), recipe=chosen, run=TrainingRun(folder), validation=Scripted(figures))
    return state, model, folder
