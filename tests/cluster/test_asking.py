"""Where work is done: options, refusals, and what becomes of what workers say."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from diptych.cluster import RETRIES, Cluster
from diptych.errors import BadSetting, DiptychError, MissingData, WorkerLost


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("127.0.0.1:9", "no Ray cluster answers at 127.0.0.1:9 (Connection refused)"),
        ("somewhere", "--address must be HOST:PORT or ray://HOST:PORT; got 'somewhere'"),
    ],
)
def test_a_cluster_that_does_not_answer_is_refused_at_once(address: str, sentence: str) -> None:
    # in a process that is connected to no cluster yet, as this one may be
    program = f"from diptych.cluster import Cluster\nwith Cluster({address!r}).connected(): pass"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert f"BadSetting: {sentence}" in done.stderr
    assert time.perf_counter() - start < 30


@pytest.mark.parametrize("wrong", [{"workers": (0, 1)}, {"workers": (3, 2)}, {"cpus": 0.0}, {"gpus": -1.0}])
def test_impossible_workers_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadSetting, match="--"):
        Cluster(**wrong)


def test_workers_are_as_many_as_there_is_room_for(ray_cluster: Cluster) -> None:
    with ray_cluster.connected() as connected:
        assert connected.workers == (2, 2)
    with Cluster(workers=(1, 5)).connected() as connected:
        assert connected.workers == (1, 5)
    with (
        pytest.raises(BadSetting, match="no worker fits: each requires 64 CPUs and 0 GPUs; the cluster has 2"),
        Cluster(cpus=64.0).connected(),
    ):
        pass


def test_another_cluster_than_the_one_connected_to_is_refused(ray_cluster: Cluster) -> None:
    with pytest.raises(BadSetting, match=r"works on the cluster at .* already"), Cluster("127.0.0.1:9").connected():
        pass


@pytest.fixture(autouse=True)
def shipped_functions() -> None:
    """Send the functions of this file to workers as they are: they cannot import it."""
    cloudpickle = pytest.importorskip("ray.cloudpickle", reason="the extra ray is not installed")
    cloudpickle.register_pickle_by_value(sys.modules[__name__])


def doubling() -> Callable[[int], int]:
    """Return what a worker does."""
    return lambda number: 2 * number


def refusing() -> Callable[[int], int]:
    """Return what refuses the third block."""

    def refuse(number: int) -> int:
        if number == 2:
            raise MissingData("the picture 2 is gone")
        return number

    return refuse


def never_opened() -> Callable[[int], int]:
    """Refuse to begin at all."""
    raise BadSetting("other weights")


def dying() -> Callable[[int], int]:
    """Return what ends its own process."""

    def die(number: int) -> int:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)
        return number

    return die


def test_blocks_come_back_in_their_order(ray_cluster: Cluster) -> None:
    with ray_cluster.connected() as connected:
        assert list(connected.map(doubling, list(range(20)))) == list(range(0, 40, 2))
        assert list(connected.map(doubling, [])) == []


def test_no_more_blocks_are_taken_than_a_window_holds(ray_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.cluster.asking.WINDOW", 3)
    taken: list[int] = []

    def blocks() -> Iterator[int]:
        for number in range(5):
            taken.append(number)
            yield number

    with ray_cluster.connected() as connected:
        made = []
        for doubled in connected.map(doubling, blocks()):
            made.append(doubled)
            assert len(taken) <= 3 * -(-len(made) // 3)
    assert made == list(range(0, 10, 2))


@pytest.mark.parametrize(
    ("maker", "error", "sentence"),
    [(refusing, MissingData, "the picture 2 is gone"), (never_opened, BadSetting, "other weights")],
)
def test_what_a_worker_refuses_is_raised_here(
    ray_cluster: Cluster, maker: Callable[[], Callable[[int], int]], error: type[DiptychError], sentence: str
) -> None:
    with ray_cluster.connected() as connected, pytest.raises(error) as refused:
        list(connected.map(maker, list(range(4))))
    assert type(refused.value) is error
    assert str(refused.value) == sentence


def test_a_block_that_ends_every_worker_is_told(ray_cluster: Cluster) -> None:
    with (
        Cluster(workers=(1, 1)).connected() as connected,
        pytest.raises(WorkerLost, match=f"ended {RETRIES + 1} workers"),
    ):
        list(connected.map(dying, [0]))


def failing() -> Callable[[int], int]:
    """Fail as a worker does on a machine without what it needs."""
    raise ModuleNotFoundError("No module named 'diptych'")


def test_a_worker_that_cannot_begin_is_told_with_the_reason(ray_cluster: Cluster) -> None:
    with ray_cluster.connected() as connected, pytest.raises(WorkerLost, match=r"no worker could start: .*'diptych'"):
        list(connected.map(failing, [0]))


def test_a_task_that_refuses_or_dies_is_told_by_its_future(ray_cluster: Cluster) -> None:
    with ray_cluster.connected() as connected:
        assert connected.submit(max, 3, 4).result() == 4
        assert isinstance(connected.submit(refusing(), 2).exception(), MissingData)
        assert isinstance(connected.submit(dying(), 2).exception(), WorkerLost)
