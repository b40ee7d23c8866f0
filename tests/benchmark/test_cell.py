"""A cell's file."""

import re
from pathlib import Path

import numpy as np
import pytest

from diptych.benchmark.cell import Cell
from diptych.errors import BadCheckpoint

from .cells import cell


def test_a_cell_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = cell("cca", split=None, ap=np.array([0.25, np.nan, 1.0, 0.5]), settings=("ridge=0.1",))
    written.write(tmp_path / "cell.json")
    read = Cell.read(tmp_path / "cell.json")
    assert read.best == written.best
    assert (read.ids, read.categories, read.split_seed) == (written.ids, written.categories, None)
    np.testing.assert_array_equal(read.average_precision("image_to_text"), [0.25, np.nan, 1.0, 0.5])
    assert read.name == "cca"
    assert cell(preset="paper").name == "mcsm:paper"


@pytest.mark.parametrize("text", ["{", "{}", '{"fits": 3}', "[]"])
def test_a_damaged_cell_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cell.json"
    file.write_text(text)
    with pytest.raises(BadCheckpoint, match=re.escape(f"{file} must hold a benchmark's cell")):
        Cell.read(file)
