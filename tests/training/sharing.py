"""Every method that learns by gradient, trained by the processes that torch's launcher started.

    torchrun --nproc-per-node N sharing.py FOLDER

leaves for each case what the first step gave (losses and gradients) and the run folder of two epochs.
"""

import sys
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from methods.features import IMAGE, REGION, TEXT, WORD, random_features
from torch import nn

from diptych.data.features import Encoded, Features, Parts
from diptych.encoders.bert import Layer, Shape
from diptych.encoders.cut import TopFeatures
from diptych.encoders.image_cut import MapTop
from diptych.encoders.run import Base
from diptych.encoders.tensor_files import save_tensors
from diptych.encoders.text_cut import TextTop
from diptych.fusion.record import ChosenRule
from diptych.methods import ROOM
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod, Method
from diptych.methods.embeddings import embed_pairs
from diptych.relevance import Relevant
from diptych.settings import override
from diptych.training.learning import Training
from diptych.training.processes import Processes, joined
from diptych.training.run import TrainingRun
from diptych.training.run_folder import RunFolder
from diptych.training.tuned_method import EncoderTuning, TunedMethod

NARROW = [f"{space}.{size}" for space in ("visual", "textual") for size in ("width=12", "hidden=6", "reduce=4")]
STAGES = ["textual.fragments=[[8,3,2],[6,3,1]]"]
TUNED = ["tune.image=1", "tune.text=1", "tune.crop=0.5", "tune.sentences=0.5", "tune.words=0.3"]
CASES: dict[str, tuple[str, str, list[str]]] = {
    "mcsm": ("mcsm", "default", NARROW),
    "mcsm:paper": ("mcsm", "paper", NARROW + STAGES),
    "mcsm:released": ("mcsm", "released", NARROW + STAGES),
    "mcsm:drawn": ("mcsm", "paper", [*NARROW, *STAGES, "loss.negatives=other-class"]),
    "dcca": ("dcca", "default", ["dimensions=3"]),
    "corr-ae": ("corr-ae", "full", ["code=5"]),
    "cmdn": ("cmdn", "default", ["code=6", "joint=5", "separate=6", "shared=[5,4]"]),
    "deep-sm": ("deep-sm", "default", []),
    "mcsm:tuned": ("mcsm", "default", [*NARROW, *TUNED]),
    "deep-sm:tuned": ("deep-sm", "default", TUNED),
    "mcsm:chunked": ("mcsm", "default", [*NARROW, *TUNED, "training.chunk=2"]),
}
"""By name: method, preset, settings. Dropout stays as the presets have it."""
BATCH = 10
"""Two processes have 5 rows each, four have 3, 3, 2 and 2."""


def first_step(module: Any, config: Any, processes: Processes) -> dict[str, torch.Tensor]:
    """Return the losses and gradients of the first batch, by name."""
    from diptych.maths.sharing import share_rows

    features = random_features(24, texts=2, seed=3)
    tuning = tuning_of(features) if config.tune.modalities else None
    torch.manual_seed(1)
    model = cast("nn.Module", module.Model.fitted(config, features)).train()
    if tuning:
        model = TunedMethod(cast("GradientMethod", model), tuning, config.tune).train()
        features = tuning.train
    share = processes.share(BATCH)
    share_rows(model, share)
    rows = [0, 1, 7, 12, 30, 31, 3, 47, 20, 9]
    batch = Batch.of(features, rows, parts=cast("GradientMethod", model).reads_parts, share=share)
    torch.manual_seed(2)
    objective = processes.objective(model, chunk=config.training.chunk)
    losses = objective(batch, torch.Generator().manual_seed(5))
    torch.stack(list(losses.values())).sum().backward()
    gradients = {f"gradient {name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {f"loss {name}": value for name, value in losses.items()} | gradients


class Convolution(MapTop):
    """A convolution that gives the regions and wholes of `random_features`."""

    def __init__(self) -> None:
        super().__init__(nn.Sequential(nn.Conv2d(3, REGION, 1)), width=3)
        self.wide = nn.Linear(REGION, IMAGE)

    def look(self, maps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        regions = self.blocks(maps).permute(0, 2, 3, 1)
        return regions, self.wide(regions.mean((1, 2)))

    def depths(self) -> dict[str, int]:
        return {name: 0 for name, _ in self.named_parameters()}


def tuning_of(features: Features) -> EncoderTuning:
    """Return small tops with activations of as many items as these features have, mirrored pictures among them."""
    generator = np.random.default_rng(7)
    maps = [generator.standard_normal((16, 6), dtype=np.float32) for _ in features.ids]
    states = [
        np.concatenate([_sentence(generator, k), _sentence(generator, k + 1)]) for k in range(len(features.texts))
    ]
    torch.manual_seed(3)
    tops = {"image": Convolution(), "text": Words()}
    activations = replace(
        features,
        images=Encoded(np.zeros((len(maps), 1), np.float32), Parts.of(maps)),
        texts=Encoded(np.zeros((len(states), 1), np.float32), Parts.of(states)),
    )
    bases = {"image": Base("none", (), "", 1), "text": Base("none", (), "", 1)}
    return EncoderTuning(cast("Any", tops), cast("Any", bases), activations, activations)


def _sentence(generator: np.random.Generator, number: int) -> np.ndarray:
    """Return the states of 4 to 6 tokens, and where the sentence begins."""
    states = generator.standard_normal((4 + number % 3, TEXT + 1), dtype=np.float32)
    states[:, -1] = np.arange(len(states)) == 0
    return states


class Words(TextTop):
    """A transformer's layer, narrow, whose words are as wide as those of `random_features`."""

    def __init__(self) -> None:
        shape = Shape(1, 1, 1, TEXT, 2 * TEXT, 1, 2, 1e-6)
        super().__init__(None, nn.ModuleList([Layer(shape)]))
        self.wide = nn.Linear(TEXT, WORD)

    def forward(self, activations: torch.Tensor, mask: torch.Tensor) -> TopFeatures:
        seen = super().forward(activations, mask)
        return seen._replace(parts=self.wide(seen.parts))

    def depths(self) -> dict[str, int]:
        return {name: 0 for name, _ in self.named_parameters()}


class Mean:
    """Judges by a figure that depends on the weights: the mean similarity of a model's first space."""

    relevant: Relevant = "category"

    def __init__(self, features: Features) -> None:
        self.features = features

    def validate(self, model: Method) -> float:
        placed = next(iter(embed_pairs(model, self.features).values()))
        return float(placed.similarity().mean())

    def choose_fusion(self, model: Method) -> Mapping[str, ChosenRule]:
        return {}


def train(name: str, folder: Path, processes: Processes, **recipe: Any) -> nn.Module:
    """Train a case for two epochs of four steps, judged by a figure that depends on the weights."""
    method, preset, settings = CASES[name]
    module = ROOM.open(method)
    config = override(module.PRESETS[preset], [*settings, "training.epochs=2"])
    config = replace(config, training=replace(config.training, batch=BATCH, validate_every=1, **recipe))
    features = random_features(24, texts=2, seed=3)
    run = TrainingRun(RunFolder(folder), 4, processes)
    tuning = tuning_of(features) if config.tune.modalities else None
    training = Training(method, config, features, ("a", "b", "c"), tuning=tuning)
    return cast("nn.Module", training.learn(run, Mean(tuning.train if tuning else features)))


def main(folder: Path) -> None:
    with joined() as processes:
        for name in CASES:
            method, preset, settings = CASES[name]
            module = ROOM.open(method)
            step = first_step(module, override(module.PRESETS[preset], settings), processes)
            model = train(name, folder / name, processes)
            own = folder / f"{name}-{processes.rank}.safetensors"
            save_tensors(own, step | {f"weight {k}": v for k, v in model.state_dict().items()}, {})


if __name__ == "__main__":
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
