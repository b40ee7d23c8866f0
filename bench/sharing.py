"""Measures what processes that share a batch say to each other in a training step, and how long the step takes.

One process with the whole batch and N processes with their parts take steps by turns in one run, with as many threads
in all, so that the ratio holds on a busy machine. Figures are medians over the rounds.

    export OMP_WAIT_POLICY=PASSIVE TORCH_CPP_LOG_LEVEL=ERROR
    torchrun --standalone --nproc-per-node 2 bench/sharing.py [--preset default] [--rounds 9]

Bytes are those that each process hands to a collective: counted as torch's profiler sees them go by, and by formula

    gradients   4 P                     P weights that learn, all-reduced once a step
    vectors     sum over spaces and both modalities of 4 ceil(b / N) d_s, gathered for the loss over all pairs
    moments     4 x 2 x 2 channels a batch norm, forward and backward
    used        4 a weight tensor: which of them the step has used

A ring all-reduce of S bytes sends 2 (N - 1) / N S from each process, an all-gather (N - 1) of its own.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil
from statistics import median
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch.profiler import ProfilerActivity, profile

from diptych.data.features import Encoded, Features, Parts
from diptych.maths.batch_norm import BatchNorm
from diptych.maths.recurrence import trained_parameters
from diptych.maths.sharing import WHOLE, Share, share_rows
from diptych.methods.batches import Batch
from diptych.methods.mcsm import MCSM, PRESETS, Widths
from diptych.settings import set_torch_threads, thread_count
from diptych.training.loop import build_optimiser, step
from diptych.training.processes import ALONE, Processes, joined

REGIONS, WORDS, CLASSES = 64, 50, 20
IMAGE_WIDTH, WORD_WIDTH = 1280, 384


def random_features(rows: int) -> Features:
    """Return pairs as EfficientNet and MiniLM would give them."""
    generator = np.random.default_rng(0)

    def encoded(parts: int, width: int) -> Encoded:
        sequences = generator.standard_normal((rows, parts, width), dtype=np.float32)
        return Encoded(generator.standard_normal((rows, width), dtype=np.float32), Parts.of(list(sequences)))

    labels = np.arange(rows)[:, None] % CLASSES == np.arange(CLASSES)
    images, texts = encoded(REGIONS, IMAGE_WIDTH), encoded(WORDS, WORD_WIDTH)
    return Features(images, texts, np.arange(rows), labels, tuple(map(str, range(rows))))


class Stepping:
    """A model that takes steps over one batch, or over a process's part of it."""

    def __init__(self, preset: str, features: Features, processes: Processes) -> None:
        torch.manual_seed(0)
        self.recipe = replace(PRESETS[preset].training, batch=len(features.texts))
        self.model = MCSM(PRESETS[preset], Widths.of(features)).train()
        self.share: Share = processes.share(self.recipe.batch) if processes.count > 1 else WHOLE
        share_rows(self.model, self.share)
        self.optimiser = build_optimiser(self.model, self.recipe)
        self.objective = processes.objective(self.model)
        self.batch = Batch.of(features, range(self.recipe.batch), share=self.share)
        self.generator = torch.Generator().manual_seed(0)

    def take(self) -> None:
        """Take one step."""
        step(self.model, self.optimiser, self.batch, self.generator, self.recipe, objective=self.objective)


def formula(model: MCSM, rows: int, count: int) -> dict[str, int]:
    """Return the bytes that each process hands to collectives in a step."""
    spaces = [getattr(model.config, name).width for name in model.spaces]
    norms = [module.num_features for module in model.modules() if isinstance(module, BatchNorm)]
    return {
        "gradients": 4 * sum(weight.numel() for weight in trained_parameters(model)),
        "vectors": sum(2 * 4 * ceil(rows / count) * width for width in spaces),
        "moments": sum(4 * 2 * 2 * channels for channels in norms),
        "used": 4 * len(trained_parameters(model)),
    }


def sent(found: Mapping[str, int], count: int) -> float:
    """Return the bytes that leave each process in a step, in rings."""
    reduced = sum(size for name, size in found.items() if name != "vectors")
    return 2 * (count - 1) / count * reduced + (count - 1) * found["vectors"]


def counted(take: Callable[[], None]) -> int:
    """Return the bytes that the collectives of one step were given, as the profiler records their inputs."""
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        take()
    total = 0
    for event in seen.events():
        if event.name in ("gloo:all_reduce", "gloo:all_gather", "nccl:all_reduce", "nccl:all_gather"):
            total += sum(4 * int(np.prod(shape)) for shape in event.input_shapes if shape)
    return total


def seconds(take: Callable[[], None]) -> float:
    start = time.perf_counter()
    take()
    return time.perf_counter() - start


def measure(preset: str, rounds: int, processes: Processes) -> dict[str, Any]:
    """Return the figures, the same in every process but for the seconds."""
    rows = PRESETS[preset].training.batch
    features = random_features(rows)
    alone, shared = Stepping(preset, features, ALONE), Stepping(preset, features, processes)
    turns: list[tuple[float, float]] = []
    for _ in range(rounds + 1):
        dist.barrier()
        torch.set_num_threads(thread_count())
        whole = seconds(alone.take) if processes.leads else 0.0
        dist.barrier()
        set_torch_threads(processes.threads())
        turns.append((whole, seconds(shared.take)))
    one, many = (median(times) for times in zip(*turns[1:], strict=True))
    found = counted(shared.take)
    by_formula = formula(shared.model, rows, processes.count)
    return {
        "preset": preset,
        "batch": rows,
        "processes": processes.count,
        "threads": thread_count(),
        "step_seconds": {"one process": one, "shared": many},
        "speedup": median(whole / part for whole, part in turns[1:]),
        "bytes": by_formula | {"formula": sum(by_formula.values()), "counted": found},
        "sent_by_each": sent(by_formula, processes.count),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="default")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    with joined() as processes:
        if processes.count == 1:
            raise SystemExit("there is one process: start several, as the docstring of this file shows")
        told = measure(options.preset, options.rounds, processes)
        if processes.leads:
            print(json.dumps(told))


if __name__ == "__main__":
    main()
