"""The tables of docs/results.md are what their commands give: a small one is built again."""

import re
from pathlib import Path

import pytest

from diptych.benchmark.grid import Benchmark
from diptych.benchmark.task import DataSource

ROOT = Path(__file__).resolve().parents[1]
QUICK = ("cca", "cfa", "jrl", "lgcfl", "semantic-matching")
"""Methods in closed form: the same figures on every machine, in seconds."""


@pytest.mark.data
def test_the_table_of_wikipedia_is_built_again(data_root: Path, tmp_path: Path) -> None:
    source = DataSource("wikipedia", data_root, None, "given", "given")
    table = Benchmark(source, tmp_path, QUICK).run()
    printed = printed_rows("## Ten methods on Wikipedia's original features")
    assert set(QUICK) < printed.keys()
    for row in table.rows:
        assert printed[row.name] == pytest.approx((row.image_to_text, row.text_to_image, row.average), abs=0.0011)


def printed_rows(heading: str) -> dict[str, tuple[float, ...]]:
    """Return the figures of a section's table by method: image to text, text to image, average."""
    section = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    cells = [[cell.strip(" *") for cell in line.split("|")] for line in section.splitlines() if line.startswith("|")]
    return {row[2]: tuple(map(float, row[3:6])) for row in cells if re.fullmatch(r"\.\d{3}", row[3])}
