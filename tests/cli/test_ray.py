"""Commands with `--on ray`, as a user meets them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from diptych.cli.options import read_workers
from diptych.cluster import Cluster

from .conftest import SMALL, Diptych

HOUSE = re.compile(r"(images|texts) with [a-z0-9-]+: [\d,]+ of [\d,]+.*")
"""How progress is told."""


def test_a_data_set_is_encoded_and_told_as_without_ray(
    ray_cluster: Cluster, diptych: Diptych, tiny_set: Path, own_cache: Path
) -> None:
    done = diptych("encode", tiny_set, *SMALL, "--on", "ray", "--workers", "1-2", "--json")
    assert (done.code, json.loads(done.out)["pictures"], json.loads(done.out)["texts"]) == (0, 24, 48)
    lines = done.err.splitlines()
    assert lines[0] == "images with efficientnet-lite0: 0 of 24"
    assert any(line.startswith("texts with glove: 48 of 48") for line in lines)
    assert all(map(HOUSE.fullmatch, lines)), done.err
    assert len(list((own_cache / "features").iterdir())) == 2


@pytest.mark.thorough
def test_in_a_process_of_its_own_ray_starts_and_ends_without_a_word(tiny_set: Path, own_cache: Path) -> None:
    environment = {**os.environ, "DIPTYCH_CACHE": str(own_cache), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "diptych", "encode", tiny_set, *SMALL, "--on", "ray", "--json"],
        capture_output=True, text=True, env=environment, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["pictures"] == 24
    assert all(map(HOUSE.fullmatch, done.stderr.splitlines())), done.stderr


@pytest.mark.parametrize("verb", [("encode", "DATA"), ("benchmark", "--data", "DATA", "--out", "OUT")])
def test_a_cluster_that_does_not_answer_is_one_sentence(verb: tuple[str, ...], tiny_set: Path, tmp_path: Path) -> None:
    places = {"DATA": str(tiny_set), "OUT": str(tmp_path / "out")}
    own = ("--methods", "cca", "--search-budget", "1") if verb[0] == "benchmark" else ()
    arguments = [places.get(word, word) for word in verb]
    done = subprocess.run(
        [sys.executable, "-m", "diptych", *arguments, *SMALL, *own, "--on", "ray", "--address", "127.0.0.1:9"],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if not HOUSE.fullmatch(line) and "benchmark: 0" not in line]
    assert told == [
        "Error: no Ray cluster answers at 127.0.0.1:9 (Connection refused). Start one (ray start --head), or omit "
        "--address to use this machine."
    ]


def test_options_of_a_cluster_want_a_cluster(diptych: Diptych, tiny_set: Path) -> None:
    done = diptych("encode", tiny_set, "--workers", "2")
    assert done.code == 2
    assert "only for work on a cluster: add --on ray" in " ".join(done.err.split())


@pytest.mark.parametrize(("text", "workers"), [("3", (3, 3)), ("2-16", (2, 16))])
def test_workers_are_a_number_or_two(text: str, workers: tuple[int, int]) -> None:
    assert read_workers(text) == workers


@pytest.mark.parametrize("text", ["", "x", "2-", "-2", "2-x"])
def test_other_workers_are_refused(diptych: Diptych, tiny_set: Path, text: str) -> None:
    assert diptych("encode", tiny_set, "--on", "ray", f"--workers={text}").code == 2


def test_without_the_extra_the_sentence_says_how_to_install_it(
    diptych: Diptych, tiny_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = diptych("encode", tiny_set, *SMALL, "--on", "ray")
    assert done.code == 2
    assert "commands with --on ray need the package ray. Install it: pip install 'diptych[ray]'." in done.err
