import json
from pathlib import Path

import numpy as np
import pytest

from diptych.cli.benchmark import read_seeds

from .conftest import SMALL, Diptych

QUICK = ("--methods", "cca,lgcfl", "--search-budget", "1", "--jobs", "1")


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Return a file of vectors that lean towards one of two categories, with splits."""
    draw = np.random.default_rng(0)
    kind = np.arange(60) % 2
    image, text = (draw.standard_normal((60, width)) + 2 * kind[:, None] for width in (8, 5))
    split = np.array(["train"] * 40 + ["val"] * 10 + ["test"] * 10)
    np.savez(tmp_path / "vectors.npz", image=image, text=text, category=np.array(["cat", "dog"])[kind], split=split)
    return tmp_path / "vectors.npz"


def test_a_table_is_printed_and_every_report_is_written(diptych: Diptych, tiny_set: Path, tmp_path: Path) -> None:
    done = diptych("benchmark", "--data", tiny_set, "--out", tmp_path / "out", *SMALL, *QUICK)
    assert done.code == 0, done.err
    assert "MAP on tiny, split official, 1 candidate each" in done.out
    assert {"cca", "lgcfl", "chance"} <= {line.split()[0] for line in done.out.splitlines() if line.strip()}
    assert "benchmark" in done.err
    assert {"table.json", "table.md", "table.tex", "table.csv", "report.html"} <= {
        file.name for file in (tmp_path / "out").iterdir()
    }


def test_json_has_the_promised_shape(diptych: Diptych, vectors: Path, tmp_path: Path) -> None:
    done = diptych("benchmark", "--features", vectors, "--out", tmp_path / "out", *QUICK, "--json")
    table = json.loads(done.out)
    assert table["data"] == "vectors"
    promised = {
        "method",
        "preset",
        "image_to_text",
        "text_to_image",
        "average",
        "std",
        "seconds",
        "significantly_below",
    }
    assert all(promised <= row.keys() for row in table["rows"])
    assert [pair["first"] for pair in table["comparisons"]] == ["cca"]


def test_what_reads_regions_is_listed_with_the_reason(diptych: Diptych, vectors: Path, tmp_path: Path) -> None:
    done = diptych(
        "benchmark", "--features", vectors, "--out", tmp_path / "out", "--methods", "cca,mcsm,conse,joint",
        "--search-budget", "1", "--jobs", "1", "--published",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "Not applicable: mcsm: it reads regions of pictures or words of texts" in done.out
    assert "Not applicable: conse: " in done.out
    assert "Not applicable: joint: " in done.out
    assert "no published figures for vectors" in done.err


def test_splits_are_drawn_by_seed_and_give_a_deviation(diptych: Diptych, vectors: Path, tmp_path: Path) -> None:
    command = ("benchmark", "--data", vectors, "--features", vectors, "--out", tmp_path / "out", *QUICK)
    done = diptych(*command, "--split-seeds", "0,2", "--json")
    table = json.loads(done.out)
    assert table["splits"] == ["0", "2"]
    assert all(row["std"] is not None for row in table["rows"])


def test_two_benchmarks_are_compared_query_by_query(diptych: Diptych, vectors: Path, tmp_path: Path) -> None:
    for name, extra in (("a", ()), ("b", ("--search-budget", "3"))):
        diptych("benchmark", "--features", vectors, "--out", tmp_path / name, *QUICK, *extra)
    done = diptych("benchmark", "diff", tmp_path / "a", tmp_path / "b")
    assert done.code == 0, done.err
    assert {"cca", "lgcfl"} <= {line.split()[0] for line in done.out.splitlines() if line.strip()}
    rows = json.loads(diptych("benchmark", "diff", tmp_path / "a", tmp_path / "b", "--json").out)["rows"]
    assert [row["queries"] for row in rows] == [20, 20]
    assert diptych("benchmark", "diff", tmp_path / "a", tmp_path).code == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--out", "out"), "Invalid value for --data: this option is required"),
        (("--data", "openmoji"), "Invalid value for --out: this option is required"),
        (("--data", "openmoji", "--out", "out", "--split-seeds", "4-2"), "official, or seeds such as 0-4 or 0,3,7"),
        (("--data", "openmoji", "--out", "out", "--search-budget", "0"), "--search-budget"),
        (("--data", "openmoji", "--out", "out", "--methods", "ccaa"), "Did you mean 'cca'?"),
    ],
)
def test_a_bad_request_is_one_sentence(diptych: Diptych, arguments: tuple[str, ...], sentence: str) -> None:
    done = diptych("benchmark", *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_the_splits_of_a_text() -> None:
    assert read_seeds("0-2,7,official") == (0, 1, 2, 7, None)
