"""Train one or more variants of MCSM on several splits and print their MAP as a Markdown table.

    python bench/table.py --data pascal-sentence --out build/tables default paper
    python bench/table.py --data pascal-sentence --out build/tables --ablation

A variant is a preset, with settings after commas: `default,visual.recurrence=none,textual.recurrence=none`.
Finished runs are kept in `--out` and not trained again; a killed one is resumed.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter
from typing import Any

from diptych.retriever import Retriever

RECURRENCE = ("trained", "frozen", "none")
ATTENTION = ("projected", "mean")
NEGATIVES = ("uniform", "other-class", "expected")


def ablation() -> list[str]:
    """Return the default preset with each kind of recurrence and of attention, in both spaces, and of negatives.

    Negatives are those of the paper's margin loss, in place of the contrastive ones.
    """
    readings = [
        ",".join(["default", *(f"{s}.recurrence={r},{s}.attention={a}" for s in ("visual", "textual"))])
        for r in RECURRENCE
        for a in ATTENTION
    ]
    margin = "default,loss.contrastive=0,loss.partner=0,loss.margin=1,loss.negatives="
    return [*readings, *(margin + negatives for negatives in NEGATIVES)]


def measure(variant: str, data: str, split_seed: int | None, seed: int, out: Path) -> dict[str, Any]:
    """Return the evaluation of a variant on one split, from its run folder where it was measured before."""
    preset, *settings = variant.split(",")
    run = out / variant.replace("=", "-").replace(",", "_") / f"split-{split_seed}-seed-{seed}"
    figures = run / "evaluation.json"
    if not figures.exists():
        start = perf_counter()
        retriever = Retriever.train(
            "mcsm", data, out=run, preset=preset, split_seed=split_seed, seed=seed, settings=settings, resume=True
        )
        seconds = perf_counter() - start
        retriever.evaluate(save=run)
        figures.write_text(json.dumps({**json.loads(figures.read_text()), "seconds": seconds}))
    found: dict[str, Any] = json.loads(figures.read_text())
    print(f"{variant} split {split_seed}: {found['average_map']:.3f}, {found['seconds']:.0f} s", file=sys.stderr)
    return found


def row(variant: str, found: Sequence[dict[str, Any]]) -> str:
    """Return one line of the table: means over splits, with the standard deviation of the fused average."""
    spaces = [mean(one["spaces"][name]["average_map"] for one in found) for name in ("visual", "textual")]
    directions = [mean(one[name]["map"] for one in found) for name in ("image_to_text", "text_to_image")]
    averages = [one["average_map"] for one in found]
    spread = stdev(averages) if len(averages) > 1 else 0.0
    figures = " | ".join(f"{figure:.3f}" for figure in (*spaces, *directions))
    minutes = mean(one["seconds"] for one in found) / 60
    return f"| {variant} | {figures} | **{mean(averages):.3f}** ± {spread:.3f} | {minutes:.1f} |"


def main() -> None:
    """Read the arguments, train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*")
    parser.add_argument("--data", default="pascal-sentence")
    parser.add_argument("--split-seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ablation", action="store_true", help="all kinds of recurrence, attention and negatives")
    arguments = parser.parse_args()
    print("| variant | visual space | textual space | image to text | text to image | average | minutes |")
    print("|---|---|---|---|---|---|---|")
    for variant in [*arguments.variants, *(ablation() if arguments.ablation else [])]:
        seeds = arguments.split_seeds
        found = [measure(variant, arguments.data, seed, arguments.seed, arguments.out) for seed in seeds]
        print(row(variant, found), flush=True)


if __name__ == "__main__":
    main()
