"""Train one or more variants of MCSM on several splits and print their figures as a Markdown table.

    python bench/table.py --data pascal-sentence --out build/tables default paper
    python bench/table.py --data pascal-sentence --out build/tables --ablation
    python bench/table.py --data F8K --image-encoder efficientnet-lite0 --split-seeds official --out build/t --ablation

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
from typing import Any, get_args

from diptych.cli.benchmark import read_seeds
from diptych.cli.options import IMAGE_ENCODER
from diptych.data.sources import open_data
from diptych.relevance import Relevant
from diptych.retriever import Retriever

SPACES = ("visual", "textual")
MARGIN = "loss.mixup=false loss.contrastive=0 loss.partner=0 loss.margin=1 loss.negatives="
"""The paper's margin loss in place of the contrastive ones."""
ABLATION = {
    "default": "",
    "one attention head": "heads=1",
    "mean in place of attention": "heads=1 attention=mean",
    "LSTM trained": "recurrence=trained",
    "LSTM frozen": "recurrence=frozen",
    "no parts of the projected modality": "other_parts=false",
    "no whole vector of the read modality": "whole=false",
    "maps and parts begin at full scale": "start.scale=1 lift_scale=1",
    "start at CCA": "start.form=cca start.scale=0.3",
    "start at CCA and the categories, kept": "start.form=both start.keep=true",
    "pairs are not mixed": "loss.mixup=false",
    "posteriors, share .5": "posteriors.share=0.5",
    "margin, any negative": f"{MARGIN}uniform",
    "margin, drawn from other categories": f"{MARGIN}other-class",
    "margin, the hardest": f"{MARGIN}hardest",
}
"""What each row of the ablation changes: settings of both spaces, and of the method where they have a dot."""
CATEGORIES_NEEDED = ("start at CCA and the categories, kept", "posteriors, share .5")


def ablation(*, categories: bool) -> dict[str, str]:
    """Return the variants of the ablation by their names; without categories some do not exist."""
    chosen = {name: changes for name, changes in ABLATION.items() if categories or name not in CATEGORIES_NEEDED}
    return {name: ",".join(["default", *_settings(changes.split())]) for name, changes in chosen.items()}


def _settings(changes: Sequence[str]) -> list[str]:
    """Return settings of the method for changes of which those without a dot are meant for both spaces."""
    return [
        setting
        for change in changes
        for setting in ([change] if "." in change.partition("=")[0] else [f"{s}.{change}" for s in SPACES])
    ]


def measure(
    variant: str,
    data: str,
    split_seed: int | None,
    seed: int,
    out: Path,
    *,
    image_encoder: str = IMAGE_ENCODER,
    relevant: Relevant | None = None,
) -> dict[str, Any]:
    """Return the evaluation of a variant on one split, from its run folder where it was measured before."""
    preset, *settings = variant.split(",")
    folder = variant.replace("=", "-").replace(",", "_")
    run = out / folder / f"split-{split_seed}-seed-{seed}"
    figures = run / "evaluation.json"
    if not figures.exists():
        start = perf_counter()
        retriever = Retriever.train(
            "mcsm",
            data,
            out=run,
            preset=preset,
            split_seed=split_seed,
            seed=seed,
            settings=settings,
            image_encoder=image_encoder,
            relevant=relevant,
            resume=True,
        )
        seconds = perf_counter() - start
        retriever.evaluate(save=run)
        figures.write_text(json.dumps({**json.loads(figures.read_text()), "seconds": seconds}))
    found: dict[str, Any] = json.loads(figures.read_text())
    print(
        f"{variant} split {split_seed}: {found['average_map']:.3f}, {found['recall_sum']:.3f}, "
        f"{found['seconds']:.0f} s", file=sys.stderr,
    )  # fmt: skip
    return found


def row(name: str, found: Sequence[dict[str, Any]]) -> str:
    """Return one line of the table: means over splits, with the standard deviations of the fused figures."""
    spaces = [mean(one["spaces"][space]["average_map"] for one in found) for space in SPACES]
    own = [_spread([one[figure] for one in found]) for figure in ("average_map", "recall_sum")]
    minutes = mean(one["seconds"] for one in found) / 60
    return f"| {name} | {' | '.join(f'{figure:.3f}' for figure in spaces)} | {' | '.join(own)} | {minutes:.1f} |"


def _spread(figures: Sequence[float]) -> str:
    deviation = f" ± {stdev(figures):.3f}" if len(figures) > 1 else ""
    return f"**{mean(figures):.3f}**{deviation}"


def main() -> None:
    """Read the arguments, train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("variants", nargs="*")
    parser.add_argument("--data", default="pascal-sentence")
    parser.add_argument("--split-seeds", default="0-4", help="official, or seeds such as 0-4")
    parser.add_argument("--image-encoder", default=IMAGE_ENCODER)
    parser.add_argument("--relevant", choices=get_args(Relevant), help="what counts as right")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--ablation", action="store_true", help="each component of the default changed by itself")
    arguments = parser.parse_args()
    seeds = read_seeds(arguments.split_seeds)
    categories = bool(open_data(arguments.data, draw=False).classes) and arguments.relevant != "partner"
    named = ablation(categories=categories) if arguments.ablation else {}
    print("| variant | visual space, MAP | textual space, MAP | MAP | sum of six recalls | minutes |")
    print("|---|---|---|---|---|---|")
    for name, variant in {**{each: each for each in arguments.variants}, **named}.items():
        found = [
            measure(
                variant,
                arguments.data,
                split_seed,
                arguments.seed,
                arguments.out,
                image_encoder=arguments.image_encoder,
                relevant=arguments.relevant,
            )
            for split_seed in seeds
        ]
        print(row(name, found), flush=True)


if __name__ == "__main__":
    main()
