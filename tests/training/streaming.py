"""Trains on features that lie in shards on disk, of any size, and tells how much memory that took.

    python streaming.py FOLDER SHARDS

makes so many sparse shards of 64 pictures and their texts, 9 MB each, and prints the largest memory of its own (not of
mapped files) over the steps of one epoch, in megabytes.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from diptych.data.features import Encoded, Features
from diptych.encoders import shards
from diptych.encoders.shards import ShardFolder, ShardPosition
from diptych.fusion.record import ChosenRule
from diptych.methods import mcsm
from diptych.methods.contract import Method
from diptych.relevance import Relevant
from diptych.settings import override
from diptych.training.learning import Training
from diptych.training.run import TrainingRun
from diptych.training.run_folder import RunFolder

ITEMS, REGIONS, WIDTH = 64, 64, 1024
SETTINGS = ["training.epochs=1", "training.batch=64"] + [
    f"{space}.{size}" for space in ("visual", "textual") for size in ("width=8", "hidden=8", "reduce=0")
]


def stored(folder: Path, count: int, parts: int) -> Encoded:
    """Return items whose vectors are holes in files, but for the first number of each whole one."""
    folder.mkdir(parents=True)
    places = []
    for k in range(count):
        whole = np.lib.format.open_memmap(folder / f"{k}.whole.npy", "w+", np.float16, (ITEMS, WIDTH))
        whole[:, 0] = np.arange(ITEMS) % 7
        np.lib.format.open_memmap(folder / f"{k}.parts.npy", "w+", np.float16, (ITEMS * parts, WIDTH))
        places += [ShardPosition(str(k), row, row * parts, (row + 1) * parts) for row in range(ITEMS)]
    sequences, vectors = ShardFolder(folder).load(places)
    return Encoded(vectors, sequences)


class Even:
    """Finds every epoch equally good."""

    relevant: Relevant = "category"

    def validate(self, model: Method) -> float:
        return 0.5

    def choose_fusion(self, model: Method) -> Mapping[str, ChosenRule]:
        return {}


def own_megabytes() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon"))


def main(folder: Path, count: int) -> None:
    shards.WHOLE_BYTES = 0
    images, texts = stored(folder / "images", count, REGIONS), stored(folder / "texts", count, 4)
    rows = len(images)
    features = Features(images, texts, np.arange(rows), None, tuple(map(str, range(rows))))
    config = override(mcsm.PRESETS["default"], SETTINGS)
    seen = [own_megabytes()]
    run = TrainingRun(RunFolder(folder / "run"), progress=lambda *_: seen.append(own_megabytes()))
    Training("mcsm", config, features).learn(run, Even())
    print(json.dumps({"own": max(seen), "features": count * ITEMS * (REGIONS + 5) * WIDTH * 2 / 2**20}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
