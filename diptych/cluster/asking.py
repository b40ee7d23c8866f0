"""A cluster as it is asked for, and as it answers."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from diptych.cluster.connecting import connect, hush_data, import_ray
from diptych.cluster.working import RETRIES, Parcel, Worker, WorkerSetup, in_place, pass_on, told
from diptych.errors import BadSetting, DiptychError
from diptych.settings import cache_root

WINDOW = 2048
"""Blocks that are in this process's memory at a time: of entries, half a million."""
TAKEN_ALONG = ("AWS_", "DIPTYCH_")
"""How variables of the environment begin that workers take over."""


@dataclass(frozen=True)
class Cluster:
    """Where work is done, and what each worker is given."""

    address: str | None = None
    """HOST:PORT or ray://HOST:PORT of a cluster; None starts one on this machine."""
    workers: tuple[int, int] | None = None
    """How many at least and at most; None for as many as there is room for."""
    cpus: float = 1.0
    """Processors of each worker."""
    gpus: float | None = None
    """GPUs of each worker; None for one where the cluster has any."""

    def __post_init__(self) -> None:
        if self.workers and not 1 <= self.workers[0] <= self.workers[1]:
            raise BadSetting(f"--workers must be N or MIN-MAX, from 1 on; got {self.workers[0]}-{self.workers[1]}.")
        if self.cpus <= 0 or (self.gpus or 0) < 0:
            raise BadSetting("--cpus-per-worker must be above 0, and --gpus-per-worker not below 0.")

    @contextmanager
    def connected(self) -> Iterator["Connected"]:
        """Yield the cluster, ready for work; one that was started for it ends with the block."""
        ray = import_ray()
        began = not ray.is_initialized()
        if began:
            cpus = self.workers and max(1, round(self.workers[1] * self.cpus))
            connect(ray, self.address or os.environ.get("RAY_ADDRESS") or "local", cpus=cpus)
        elif self.address and self.address != (there := ray.get_runtime_context().gcs_address):
            raise BadSetting(f"this process works on the cluster at {there} already. Leave --address out, or name it.")
        try:
            yield Connected(ray, self)
        finally:
            if began:
                ray.shutdown()


class Connected:
    """A cluster that answers."""

    def __init__(self, ray: Any, cluster: Cluster) -> None:
        self._ray = ray
        there = ray.cluster_resources()
        self._gpus = min(1.0, there.get("GPU", 0.0)) if cluster.gpus is None else cluster.gpus
        self._cpus = cluster.cpus
        fitting = int(there.get("CPU", 1) // cluster.cpus)
        if self._gpus:
            fitting = min(fitting, int(there.get("GPU", 0) // self._gpus))
        self.workers = cluster.workers or (max(1, fitting), max(1, fitting))
        """How many work at once, at least and at most."""
        if cluster.workers is None and fitting < 1:
            raise BadSetting(
                f"no worker fits: each asks for {self._cpus:g} processors and {self._gpus:g} GPUs; the cluster has "
                f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g}. Ask for less, or name --workers and wait."
            )

    @property
    def place(self) -> "WorkerSetup":
        """What a worker has to know of this process."""
        threads = max(1, int(self._cpus))
        own = {name: value for name, value in os.environ.items() if name.startswith(TAKEN_ALONG)}
        own |= {"DIPTYCH_CACHE": str(cache_root().absolute()), "DIPTYCH_THREADS": str(threads)}
        return WorkerSetup(own, str(Path.cwd()), threads)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Return the future of a piece of work that some worker does; it is done again where the worker dies."""
        task = self._ray.remote(max_retries=RETRIES, num_cpus=self._cpus, num_gpus=self._gpus)(in_place)
        future: Future[Any] = Future()
        task.remote(self.place, work, arguments).future().add_done_callback(partial(pass_on, future))
        return future

    def map(self, maker: Callable[[], Callable[[Any], Any]], blocks: Iterable[Any]) -> Iterator[Any]:
        """Yield what workers make of blocks, in their order, by Ray Data.

        Every worker calls `maker` once and what that returns for each block; a dead worker's blocks go to another.
        Blocks are taken as they are wanted, `WINDOW` at a time, and workers begin anew for each window.
        """
        source = iter(blocks)
        while window := list(islice(source, WINDOW)):
            yield from self._map(maker, window)

    def _map(self, maker: Callable[[], Callable[[Any], Any]], blocks: Sequence[Any]) -> Iterator[Any]:
        from ray.data import ActorPoolStrategy, from_items

        hush_data()
        few, many = min(self.workers[0], len(blocks)), min(self.workers[1], len(blocks))
        rows = from_items([{"box": Parcel(block)} for block in blocks], override_num_blocks=len(blocks))
        retried: dict[str, Any] = {"max_task_retries": RETRIES}  # without end by default, even for what kills them all
        pool = ActorPoolStrategy(size=many) if few == many else ActorPoolStrategy(min_size=few, max_size=many)
        worker: Any = Worker
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray 2.60 means to name the number of retries otherwise one day
            made = rows.map(
                worker,
                fn_constructor_args=(self.place, maker),
                compute=pool,
                num_cpus=self._cpus,
                num_gpus=self._gpus,
                **retried,
            )
        with told():
            for row in made.iter_rows():
                if isinstance(content := row["box"].content, DiptychError):
                    raise content
                yield content
