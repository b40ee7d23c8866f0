"""The plan of docs/scaling.md is what its command prints."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def printed(*options: str) -> str:
    command = [sys.executable, str(ROOT / "bench" / "plan.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_plan_in_the_document_is_the_one_that_is_computed() -> None:
    assert printed("1e9") in (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "row"),
    [
        # 10⁶ pictures at 10 a second and core, all of it kept: 10⁵ core-seconds
        (["--set", "pictures=10", "--set", "efficiency=1"], "| encoding, core-hours | n / (e f) / 3600 | 28 |"),
        # two copies of (4 d + 4 d + 8 m) bytes: 2 (1024 + 1024 + 128) 10⁶ = 4.352 GB over 0.75 GB a node
        (
            ["--set", "numbers=256", "--set", "node_memory=1e9"],
            "| nodes for the memory | r (vectors + HNSW) / (M u) | 6 |",
        ),
        # 10⁶ items of 1,024 bytes fill two segments of 512 MB
        (["--set", "numbers=256"], "| segments (shards) S | 4 d n / g | 2 |"),
        (["--queries", "7", "--set", "search=0.5"], "| cores for the queries | q s S | 14 |"),
    ],
)
def test_the_plan_follows_its_formulas(options: list[str], row: str) -> None:
    assert row in printed("1e6", *options)


def test_an_unknown_constant_is_refused() -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        printed("1e6", "--set", "colour=1")
    assert "there is no constant 'colour'" in refused.value.stderr
