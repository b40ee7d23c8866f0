"""Measures a training step: its useful operations a second as a share of those of plain products.

The step is that of the preset `paper`; with `--tuned`, those of `default` and of `end-to-end` with more and more blocks
of efficientnet-lite0 that learn.

Steps and products of the step's own sizes run by turns with the same threads, so that the ratio holds on a busy
machine. Figures are medians over the rounds.

    OMP_WAIT_POLICY=PASSIVE python bench/training_step.py [--region-width 512] [--rounds 9] [--tuned] [--json]

Useful operations are those of matrix products, two for each multiply-add; elementwise work, dropout, clipping and the
optimiser take time and count nothing. A product of (rows, inputs) with (inputs, outputs) is

    2 rows inputs outputs   forward, as much again for the weights' gradient, and again for its inputs' gradient
                            unless these are features

and the step is made of, with b pairs, p parts, states of width d and a space of width d_s:

    convolution     (b p, kernel channels_in) (., channels_out)
    LSTM layer      (b p, width) (., 4 d) and (b p, d) (., 4 d)
    attention       (d, d_s) (., d_s) for W_a L, (b p, d) (., d_s) for its states, (b p, d_s) (., 1) for the scores,
                    (b p, d) (., 1) for the weighted sum, (b, d) (., d_s) to lift it
    other modality  (b, width) (., d_s)
    similarity      (b, d_s) (., b)

`executed` counts these. `literal` counts the same step in the order of the equations, with W_a applied to every
lifted part as the authors' code does: (b p, d) (., d_s), (b p, d_s) (., d_s), (b p, d_s) (., 1) twice.

Of a tuned step the network's own are counted: a convolution makes 2 (inputs / groups) rows columns operations, those of
its kernel, for each value that it returns, and as many again for either gradient, but for the first one's inputs.
"""

import argparse
import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
import torch

from diptych.allocation import freed_memory_kept
from diptych.data.features import Encoded, Features, Parts
from diptych.encoders.cut import Augmentation, Blocks, Top, cut
from diptych.encoders.efficientnet_lite import Config, open_encoder
from diptych.methods.batches import Batch
from diptych.methods.mcsm import MCSM, Widths
from diptych.methods.mcsm_presets import END_TO_END, PAPER
from diptych.methods.spaces import SpaceConfig
from diptych.settings import thread_count
from diptych.training.loop import build_optimiser, step

WANTED = 0.5
PAIRS, CLASSES = PAPER.training.batch, 20
REGIONS, WORDS = 49, 50
IMAGE_WIDTH, WORD_WIDTH = 4096, 384
NETWORK = "efficientnet-lite0"
BLOCKS: tuple[Blocks, ...] = (1, 4, 8, 12, "all")


def product(rows: int, inputs: int, outputs: int, *, features: bool = False) -> int:
    """Return the operations of a product, forward and backward; into features no gradient is needed."""
    return 2 * rows * inputs * outputs * (2 if features else 3)


def space_operations(config: SpaceConfig, parts: int, width: int, other: int, *, literal: bool) -> int:
    """Return the useful operations of one space: a trained one-way LSTM, attention with W_a, no whole vector added."""
    total, features = 0, True
    for channels, kernel, pool in config.fragments:
        total += product(PAIRS * parts, kernel * width, channels, features=features)
        parts, width, features = -(-parts // pool), channels, False
    rows, hidden, space = PAIRS * parts, config.hidden, config.width
    for _ in range(config.layers):
        total += product(rows, width, 4 * hidden, features=features) + product(rows, hidden, 4 * hidden)
        width, features = hidden, False
    total += product(rows, hidden, space) + product(rows, space, 1)
    if literal:
        total += product(rows, space, space) + product(rows, space, 1)
    else:
        total += product(hidden, space, space) + product(rows, hidden, 1) + product(PAIRS, hidden, space)
    return total + product(PAIRS, other, space, features=True) + product(PAIRS, space, PAIRS)


def step_operations(region_width: int, *, literal: bool) -> int:
    """Return the useful operations of a step in both spaces."""
    visual = space_operations(PAPER.visual, REGIONS, region_width, WORD_WIDTH, literal=literal)
    return visual + space_operations(PAPER.textual, WORDS, WORD_WIDTH, IMAGE_WIDTH, literal=literal)


def random_features(region_width: int, *, pairs: int = PAIRS, image_width: int = IMAGE_WIDTH) -> Features:
    """Return one batch of pairs as encoders would give them."""
    generator = np.random.default_rng(0)

    def encoded(parts: int, part_width: int, width: int) -> Encoded:
        sequences = generator.standard_normal((pairs, parts, part_width), dtype=np.float32)
        return Encoded(generator.standard_normal((pairs, width), dtype=np.float32), Parts.of(list(sequences)))

    labels = np.arange(pairs)[:, None] % CLASSES == np.arange(CLASSES)
    images, texts = encoded(REGIONS, region_width, image_width), encoded(WORDS, WORD_WIDTH, WORD_WIDTH)
    return Features(images, texts, np.arange(pairs), labels, tuple(map(str, range(pairs))))


def training_step(region_width: int) -> Callable[[], object]:
    """Return a function that takes one step: forward, backward, clipping and RMSprop."""
    torch.manual_seed(0)
    features = random_features(region_width)
    model, recipe = MCSM(PAPER, Widths.of(features)).train(), PAPER.training
    optimiser, batch = build_optimiser(model, recipe), Batch.of(features, range(PAIRS))
    generator = torch.Generator().manual_seed(0)
    return lambda: step(model, optimiser, batch, generator, recipe)


def plain_products() -> tuple[Callable[[], object], int]:
    """Return a function that runs the visual attention's four largest products, and their operations."""
    rows, hidden, space = PAIRS * REGIONS, PAPER.visual.hidden, PAPER.visual.width
    sizes = [(space, space, hidden), (space, hidden, space), (rows, hidden, space), (space, rows, hidden)]
    operands = [(torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)) for m, k, n in sizes]

    def run() -> None:
        for left, right, out in operands:
            torch.mm(left, right, out=out)

    return run, sum(2 * m * k * n for m, k, n in sizes)


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def default_step(width: int) -> Callable[[], object]:
    """Return a function that takes one step of the preset `default` on the features of a frozen network."""
    torch.manual_seed(0)
    recipe = END_TO_END.training
    features = random_features(width, pairs=recipe.batch, image_width=width)
    model = MCSM.fitted(END_TO_END, features).train()
    optimiser, batch = build_optimiser(model, recipe), Batch.of(features, range(recipe.batch))
    generator = torch.Generator().manual_seed(0)
    return lambda: step(model, optimiser, batch, generator, recipe)


def network_step(blocks: Blocks) -> tuple[Callable[[], object], int]:
    """Return a function that runs the learning blocks forward and backward for one batch, and its operations."""
    parts = cut(open_encoder(NETWORK, Config()), blocks)
    top, pairs = parts.top.train(), END_TO_END.training.batch
    top.augmentation = Augmentation(crop=END_TO_END.tune.crop)
    with torch.no_grad():
        places, width = parts.stem.activations([np.zeros((224, 224, 3), np.uint8)])[0].shape
    activations, mask = torch.rand(pairs, places, width), torch.ones(pairs, places, dtype=torch.bool)

    def run() -> None:
        regions, _, whole = top(activations, mask)
        (whole.sum() + (0 if regions is None else regions.sum())).backward()

    return run, convolution_operations(top, lambda: top(activations[:1], mask[:1])) * pairs


def convolution_operations(top: Top, look: Callable[[], object]) -> int:
    """Return the operations of a network's convolutions, forward and backward, while it looks at something."""
    counts: list[int] = []

    def count(layer: Any, _: object, out: torch.Tensor) -> None:
        forward = 2 * out.numel() * layer.weight[0].numel()
        counts.append(forward * (3 if counts else 2))

    handles = [each.register_forward_hook(count) for each in top.modules() if isinstance(each, torch.nn.Conv2d)]
    with torch.no_grad():
        look()
    for handle in handles:
        handle.remove()
    return sum(counts)


def measure_tuned(rounds: int) -> dict[str, Any]:
    """Return medians over the rounds for each number of learning blocks, and of the frozen network's step."""
    (multiply, operations), frozen = plain_products(), default_step(1280)
    multiply(), frozen()
    told: dict[str, Any] = {"threads": torch.get_num_threads(), "rounds": rounds, "network": NETWORK, "blocks": {}}
    for blocks in BLOCKS:
        learn, count = network_step(blocks)
        learn()
        turns = [(seconds(multiply), seconds(frozen), seconds(learn)) for _ in range(rounds)]
        told["blocks"][str(blocks)] = {
            "operations": count,
            "seconds": median(taken for *_, taken in turns),
            "share": median(count / taken / (operations / products) for products, _, taken in turns),
            "times_frozen_step": median((still + taken) / still for _, still, taken in turns),
        }
        told |= {"frozen_step_seconds": median(still for _, still, _ in turns)}
    return told


def tuned_table(told: dict[str, Any]) -> str:
    """Return the figures of tuned steps for people."""
    lines = [f"{'blocks that learn':18}{'10^9 operations':>16}{'seconds':>9}{'share':>7}{'step, of frozen':>17}"]
    lines.append(f"{'none':18}{'':16}{told['frozen_step_seconds']:9.3f}{'':7}{1:17.1f}")
    for blocks, each in told["blocks"].items():
        count, taken, share, times = each.values()
        lines.append(f"{blocks:18}{count / 1e9:16.1f}{taken:9.3f}{share:7.2f}{times:17.1f}")
    lines.append(f"{told['threads']} threads, {told['network']}, batches of {END_TO_END.training.batch}")
    return "\n".join(lines)


def measure(region_width: int, rounds: int) -> dict[str, Any]:
    """Return medians over the rounds: seconds, rates in operations a second, and their ratios to the products'."""
    take_step, (multiply, operations) = training_step(region_width), plain_products()
    take_step(), multiply()
    turns = [(seconds(multiply), seconds(take_step)) for _ in range(rounds)]
    executed, literal = (step_operations(region_width, literal=literal) for literal in (False, True))
    told: dict[str, Any] = {"threads": torch.get_num_threads(), "region_width": region_width, "rounds": rounds}
    told |= {"product_rate": median(operations / products for products, _ in turns)}
    told |= {"step_seconds": median(taken for _, taken in turns)}
    for name, count in (("executed", executed), ("literal", literal)):
        share = median(count / taken / (operations / products) for products, taken in turns)
        told |= {name: {"operations": count, "rate": count / told["step_seconds"], "share": share}}
    return told | {"wanted": WANTED, "met": told["executed"]["share"] >= WANTED}


def table(told: dict[str, Any]) -> str:
    """Return the figures for people."""
    lines = [f"{'':22}{'10^9 operations':>16}{'seconds':>9}{'10^9 a second':>15}{'share':>7}"]
    lines.append(f"{'plain products':22}{'':16}{'':9}{told['product_rate'] / 1e9:15.1f}{1:7.2f}")
    for name in ("executed", "literal"):
        count, rate, share = told[name].values()
        lines.append(f"step, {name:16}{count / 1e9:16.1f}{told['step_seconds']:9.3f}{rate / 1e9:15.1f}{share:7.2f}")
    lines.append(f"{told['threads']} threads; {'at least' if told['met'] else 'below'} the {WANTED} wanted of executed")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--region-width", type=int, default=512, help="512 is VGG-19's, 1280 EfficientNet-Lite's")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tuned", action="store_true", help="measure blocks that learn instead of the preset `paper`")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(thread_count())
    with freed_memory_kept():  # as a training does
        told = measure_tuned(options.rounds) if options.tuned else measure(options.region_width, options.rounds)
    show = tuned_table if options.tuned else table
    print(json.dumps(told) if options.json else show(told))


if __name__ == "__main__":
    main()
