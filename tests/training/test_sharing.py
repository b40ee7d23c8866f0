"""One batch divided over several processes: the losses, gradients and weights of one process with the whole of it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from diptych.encoders.tensor_files import load_tensors

from .launched import torchrun

COUNTS = (1, 2, 4)
CASES = (
    "mcsm",
    "mcsm:paper",
    "mcsm:released",
    "mcsm:drawn",
    "dcca",
    "corr-ae",
    "cmdn",
    "deep-sm",
    "mcsm:tuned",
    "deep-sm:tuned",
    "mcsm:chunked",
)
"""Those of sharing.py: batches of 10, of which four processes have 3, 3, 2 and 2 rows."""


@pytest.fixture(scope="module")
def trainings(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Return for 1, 2 and 4 processes the folder of what they left."""
    folders = {count: tmp_path_factory.mktemp("sharing") for count in COUNTS}
    for count, folder in folders.items():
        done = torchrun(count, Path(__file__).with_name("sharing.py"), folder)
        assert done.returncode == 0, done.stderr
    return folders


def kept(folder: Path, case: str, kind: str, *, rank: int = 0) -> dict[str, torch.Tensor]:
    tensors, _ = load_tensors(folder / f"{case}-{rank}.safetensors")
    return {name: value for name, value in tensors.items() if name.startswith(kind)}


def metrics(folder: Path, case: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / case / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_processes_that_share_a_batch_find_the_losses_and_gradients_of_one(
    case: str, kind: str, count: int, trainings: dict[int, Path]
) -> None:
    alone, shared = (kept(trainings[n], case, kind) for n in (1, count))
    assert alone.keys() == shared.keys()
    largest = max(float(value.abs().max()) for value in alone.values())
    for name, value in alone.items():
        torch.testing.assert_close(shared[name], value, rtol=1e-4, atol=1e-6 * largest, msg=lambda m: f"{name}: {m}")  # noqa: B023


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_a_batch_in_chunks_has_the_losses_and_gradients_of_the_whole(kind: str, trainings: dict[int, Path]) -> None:
    whole, chunked = (kept(trainings[1], case, kind) for case in ("mcsm:tuned", "mcsm:chunked"))
    assert whole.keys() == chunked.keys()
    for name, value in whole.items():
        torch.testing.assert_close(chunked[name], value, rtol=1e-4, atol=1e-5, msg=lambda m: f"{name}: {m}")  # noqa: B023


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("case", CASES)
def test_all_processes_end_with_the_same_weights_to_the_bit(case: str, count: int, trainings: dict[int, Path]) -> None:
    first, *others = (kept(trainings[count], case, "weight", rank=rank) for rank in range(count))
    assert all(torch.equal(value, other[name]) for other in others for name, value in first.items())


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("case", CASES)
def test_a_run_of_several_processes_is_that_of_one_but_for_rounding(
    case: str, count: int, trainings: dict[int, Path]
) -> None:
    for alone, shared in zip(metrics(trainings[1], case), metrics(trainings[count], case), strict=True):
        assert shared["losses"] == pytest.approx(alone["losses"], rel=1e-3, abs=1e-4)
        assert shared["validation_map"] == pytest.approx(alone["validation_map"], rel=1e-3, abs=1e-4)
        assert shared["learning_rate"] == alone["learning_rate"]
    weights, same = (kept(trainings[n], case, "weight") for n in (count, 1))
    # DCCA centres its outputs: their biases have no gradient but rounding, which AdamW takes as large as any
    bound = 2e-2 if case == "dcca" else 2e-3
    for name, value in same.items():
        # what DCCA solves at the end has directions of either sign
        found, wanted = (each.abs() if name.endswith("_basis") else each for each in (weights[name], value))
        torch.testing.assert_close(found, wanted, rtol=1e-2, atol=bound, msg=lambda m: f"{name}: {m}")  # noqa: B023
