"""What each space and each fusion rule brings to MCSM, against two trainings of one space fused: Markdown tables.

    python bench/fusing.py --data pascal-sentence --out build/tables

`--out` may hold the runs of `bench/table.py`: the preset `default` with the seeds 0 and 1 is trained where missing.
The second table says what bounds these figures: how often the posteriors that stand in the vectors name the right
category, and the MAP of posteriors alone with those of pictures, or of texts, replaced by the truth.
"""

import argparse
import contextlib
import io
from collections.abc import Callable
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from jaxtyping import Bool, Float, Float32
from table import measure

from diptych.data.features import Features
from diptych.encoders.encoding import encode_dataset
from diptych.evaluation import Spaces, evaluate, open_rule
from diptych.fusion import ROOM
from diptych.fusion.contract import FusionRule
from diptych.methods.embeddings import PairEmbeddings, embed_pairs
from diptych.retriever import Retriever

SEEDS = (0, 1)
PRODUCT = open_rule("product")


class Split:
    """The test pairs of one split, as two trainings of `default` place them."""

    def __init__(self, data: str, seed: int | None, out: Path) -> None:
        runs = []
        for training in SEEDS:
            with contextlib.redirect_stderr(io.StringIO()):
                measure("default", data, seed, training, out)
            runs.append(Retriever.load(out / "default" / f"split-{seed}-seed-{training}"))
        dataset = runs[0].open_data()
        self.features: Features = encode_dataset(dataset, dataset.split("test"), *runs[0].encoders.both())
        self.first, self.second = (embed_pairs(run.model, self.features) for run in runs)
        self.rules: dict[str, FusionRule] = {name: runs[0].rule(name) for name in ROOM.names()}

    def rows(self) -> dict[str, float]:
        """Return the average MAP of each space, of each rule, and of the product of two trainings."""
        found = {f"{name} space": self._map({name: place}, PRODUCT) for name, place in self.first.items()}
        found |= {f"both spaces, {name}": self._map(self.first, rule) for name, rule in self.rules.items()}
        for name in self.first:
            twice = {"visual": self.first[name], "textual": self.second[name]}
            found[f"{name} space of two trainings, product"] = self._map(twice, PRODUCT)
        return found

    def bounds(self) -> dict[str, float]:
        """Return how often posteriors name the category, and the MAP that they would reach beside the truth."""
        labels = self.features.labels
        if labels is None:
            raise SystemExit("the data have no categories, so there are no posteriors to look at")
        sides = self._posteriors(labels.shape[1])
        truth = {"pictures": labels, "texts": labels[self.features.owner]}
        found = {f"{side} whose category is named": named(sides[side], truth[side]) for side in sides}
        found["MAP of posteriors"] = self._agree(sides["pictures"], sides["texts"])
        right = {side: known.astype(np.float32) for side, known in truth.items()}
        found["MAP with the categories of pictures known"] = self._agree(right["pictures"], sides["texts"])
        found["MAP with the categories of texts known"] = self._agree(sides["pictures"], right["texts"])
        return found

    def _posteriors(self, classes: int) -> dict[str, Float32[np.ndarray, "n c"]]:
        """Return both sides' posteriors, the mean of both spaces."""
        places = list(self.first.values())
        images, texts = ([getattr(place, side)[:, -classes:] for place in places] for side in ("images", "texts"))
        return {"pictures": np.mean(images, 0), "texts": np.mean(texts, 0)}

    def _agree(self, images: Float32[np.ndarray, "n c"], texts: Float32[np.ndarray, "m c"]) -> float:
        return self._map({"common": PairEmbeddings(unit(images), unit(texts))}, PRODUCT)

    def _map(self, spaces: Spaces, rule: FusionRule) -> float:
        return evaluate(spaces, self.features, rule, header={}).average_map()


def named(posteriors: Float[np.ndarray, "n c"], labels: Bool[np.ndarray, "n c"]) -> float:
    """Return how often the most probable category is the item's."""
    return float(labels[np.arange(len(labels)), posteriors.argmax(1)].mean())


def unit(rows: Float32[np.ndarray, "n c"]) -> Float32[np.ndarray, "n c"]:
    """Return the rows at unit length."""
    scaled: Float32[np.ndarray, "n c"] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def table(heading: str, splits: list[Split], figures: Callable[[Split], dict[str, float]]) -> None:
    """Print one row a figure: its mean over splits and standard deviation."""
    found = [figures(split) for split in splits]
    print(f"| {heading} | mean over splits |\n|---|---|")
    for name in found[0]:
        values = [each[name] for each in found]
        print(f"| {name} | {mean(values):.3f} ± {stdev(values) if len(values) > 1 else 0:.3f} |")
    print()


def main() -> None:
    """Read the arguments, train what is missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="pascal-sentence")
    parser.add_argument("--split-seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4], help="none: the data's own")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    splits = [Split(arguments.data, seed, arguments.out) for seed in arguments.split_seeds or [None]]
    table("MAP, average of both directions", splits, Split.rows)
    table("what bounds it", splits, Split.bounds)


if __name__ == "__main__":
    main()
