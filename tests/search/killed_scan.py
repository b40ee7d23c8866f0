"""A scan that is killed by SIGKILL while it takes in new items.

    python killed_scan.py FOLDER ITEMS MOMENT

ITEMS is an .npz file of `ids`, `contents` and `vectors`. The first half of them is taken in undisturbed, the second
half until the function MOMENT of `diptych.search.scan_folder` is called.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from diptych.index.contract import Layout
from diptych.index.items import Items, ItemVectors
from diptych.search import scan_folder


class Shelf:
    """As much of a table as a scan asks for."""

    name = "small"

    def __init__(self, ids: np.ndarray, contents: np.ndarray, vectors: np.ndarray) -> None:
        self.layout = Layout({"image": vectors.shape[1]})
        self.content = dict(zip(ids.tolist(), contents.tolist(), strict=True))
        self.vectors = dict(zip(ids.tolist(), vectors, strict=True))

    def version(self) -> None:
        return None

    def contents(self) -> dict[str, str]:
        return self.content

    def ids(self, *, side: str) -> list[str]:
        return sorted(self.content)

    def read(self, ids: Sequence[str], *, vectors: tuple[str, ...]) -> Items:
        nothing: Any = ((None,) * len(ids), ((),) * len(ids), ({},) * len(ids))
        rows = ItemVectors(np.stack([self.vectors[item] for item in ids]), np.ones(len(ids), dtype=bool))
        return Items(tuple(ids), tuple(self.content[item] for item in ids), *nothing, {"image": rows})

    def blocks(self, side: str) -> Iterator[tuple[list[str], np.ndarray]]:
        yield list(self.vectors), np.stack(list(self.vectors.values()))


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, items: Path, moment: str) -> None:
    with np.load(items) as arrays:
        ids, contents, vectors = (arrays[name] for name in ("ids", "contents", "vectors"))
    widths, half = (vectors.shape[1],), len(ids) // 2
    take_in: Any = scan_folder.refreshed
    take_in(folder, Shelf(ids[:half], contents[:half], vectors[:half]), "image", widths)
    setattr(scan_folder, moment, die)
    take_in(folder, Shelf(ids, contents, vectors), "image", widths)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
