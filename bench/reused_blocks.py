"""Measures what it is worth to keep the memory of a training step for the next one (`diptych.allocation`).

Steps of each preset run by turns with and without; the figures are medians over the rounds.

    OMP_WAIT_POLICY=PASSIVE python bench/reused_blocks.py [--rounds 9] [--json]
"""

import argparse
import json
from collections.abc import Callable
from contextlib import nullcontext
from statistics import median
from typing import Any

import torch
from training_step import random_features, seconds

from diptych.allocation import blocks_reused
from diptych.methods.batches import Batch
from diptych.methods.mcsm import MCSM, Widths
from diptych.methods.mcsm_presets import DEFAULT, PAPER, PARTNER, MCSMConfig
from diptych.settings import thread_count
from diptych.training.loop import build_optimiser, step

PRESETS = {"default": DEFAULT, "default, by partner": PARTNER, "paper": PAPER}
REGION_WIDTH = 1280
"""EfficientNet-Lite's."""


def steps_of(config: MCSMConfig) -> Callable[[], object]:
    """Return a function that takes two steps: what the first frees, the second may use."""
    torch.manual_seed(0)
    features, recipe = random_features(REGION_WIDTH, config.training.batch), config.training
    model = MCSM(config, Widths.of(features)).train()
    optimiser, batch = build_optimiser(model, recipe), Batch.of(features, range(recipe.batch))
    generator = torch.Generator().manual_seed(0)
    return lambda: [step(model, optimiser, batch, generator, recipe) for _ in range(2)]


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return each preset's seconds a step without and with, and how many times as fast it is with."""
    told = {}
    for name, config in PRESETS.items():
        steps, turns = steps_of(config), []
        steps()
        for _ in range(rounds):
            pair = []
            for context in (nullcontext(), blocks_reused()):
                with context:
                    steps()
                    pair.append(seconds(steps) / 2)
            turns.append(pair)
        before, after = (median(pair[place] for pair in turns) for place in (0, 1))
        told[name] = {"without": before, "with": after, "times": median(one / other for one, other in turns)}
    return told


def table(told: dict[str, dict[str, float]]) -> str:
    """Return the figures for people."""
    lines = [f"{'seconds a step':22}{'without':>9}{'with':>9}{'times as fast':>15}"]
    lines += [f"{name:22}{row['without']:9.3f}{row['with']:9.3f}{row['times']:15.2f}" for name, row in told.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", action="store_true")
    options: Any = parser.parse_args()
    torch.set_num_threads(thread_count())
    told = measure(options.rounds)
    print(json.dumps(told) if options.json else table(told))


if __name__ == "__main__":
    main()
