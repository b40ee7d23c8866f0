"""Two benchmarks, query by query."""

from pathlib import Path

import numpy as np
import pytest

from diptych.benchmark.cell import Cell
from diptych.benchmark.comparing import compare, read_cells
from diptych.errors import MissingData

from .cells import cell


def write(folder: Path, *cells: Cell) -> Path:
    for one in cells:
        one.write(folder / "cells" / one.name / f"split-{one.split_seed}.json")
    return folder


def test_the_same_queries_are_compared_and_the_most_changed_are_named(tmp_path: Path) -> None:
    before = write(tmp_path / "a", cell("cca"), cell("mcsm", ap=np.array([0.5, 0.5, 0.5, np.nan])))
    after = write(tmp_path / "b", cell("cca"), cell("mcsm", ap=np.array([0.5, 0.9, 0.4, np.nan])), cell("cfa"))
    same, changed = compare(before, after, show=3)
    assert (same.name, same.gained, same.lost, same.p, same.largest) == ("cca", 0, 0, 1.0, ())
    assert (changed.queries, changed.gained, changed.lost) == (8, 2, 2)
    assert changed.after - changed.before == pytest.approx(0.1)
    first = changed.largest[0]
    assert (first.split, first.direction, first.id) == ("0", "image_to_text", "p1")
    assert first.difference == pytest.approx(0.4)
    assert len(changed.largest) == 3
    assert changed.as_dict()["difference"] == pytest.approx(0.1)


def test_benchmarks_of_other_queries_are_not_compared(tmp_path: Path) -> None:
    before = write(tmp_path / "a", cell("cca"))
    for k, other in enumerate((cell("cca", queries=3), cell("cca", split=1), cell("cca", data="other"), cell("cfa"))):
        with pytest.raises(MissingData, match="have no method in common on the same queries"):
            compare(before, write(tmp_path / f"b{k}", other))


def test_a_folder_without_results_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"holds no benchmark results\. Run a benchmark: diptych benchmark --out"):
        read_cells(tmp_path)
