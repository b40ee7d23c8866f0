"""The cells of a benchmark as tasks of Ray, against processes of this machine."""

from pathlib import Path

import pytest

from diptych.benchmark.cell import Cell
from diptych.cluster import Cluster
from diptych.errors import BadSetting
from tests.conftest import KillAWorker

from .test_grid import benchmark, cells


def figures(cell: Cell) -> tuple[object, ...]:
    """Return all of a cell that does not tell time or memory."""
    fits = [(fit.settings, fit.validation_map, fit.error) for fit in cell.fits]
    return fits, cell.chosen, cell.run, cell.figures, cell.ids, cell.ap, cell.curve


def test_a_killed_worker_leaves_the_grid_as_processes_of_this_machine_compute_it(
    ray_cluster: Cluster, killer: KillAWorker, tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIPTYCH_THREADS", "2")
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    benchmark(tiny_set, alone, methods=("cca", "deep-sm")).run(jobs=2)
    table = benchmark(tiny_set, spread, methods=("cca", "deep-sm")).run(cluster=ray_cluster, progress=killer)
    assert killer.killed
    assert killer.done < killer.total, "there was work left when the worker died"
    assert {row.name for row in table.rows} >= {"cca", "deep-sm"}
    assert {name: figures(cell) for name, cell in cells(spread).items()} == {
        name: figures(cell) for name, cell in cells(alone).items()
    }
    before = {file: file.stat().st_mtime_ns for file in spread.rglob("*.json")}
    benchmark(tiny_set, spread, methods=("cca", "deep-sm")).run(cluster=ray_cluster)
    assert before == {file: file.stat().st_mtime_ns for file in spread.rglob("*.json")}, "nothing is done twice"


def test_processes_and_a_cluster_exclude_each_other(tiny_set: Path, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"--jobs sets the number of processes .*\. With --on ray, use --workers"):
        benchmark(tiny_set, tmp_path).run(jobs=2, cluster=Cluster())
