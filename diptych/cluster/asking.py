"""The specification of a cluster, and the connection to it."""

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
"""Blocks in this process's memory at a time, equivalent to half a million entries."""
TAKEN_ALONG = ("AWS_", "DIPTYCH_")
"""Prefixes of the environment variables that are passed to workers."""


@dataclass(frozen=True)
class Cluster:
    """Where tasks run, and the resources of each worker."""

    address: str | None = None
    """HOST:PORT or ray://HOST:PORT of a cluster; None starts one on this machine."""
    workers: tuple[int, int] | None = None
    """Minimum and maximum number of workers; None for as many as fit."""
    cpus: float = 1.0
    """CPUs of each worker."""
    gpus: float | None = None
    """GPUs of each worker; None for one if the cluster has any."""

    def __post_init__(self) -> None:
        if self.workers and not 1 <= self.workers[0] <= self.workers[1]:
            raise BadSetting(f"--workers must be N or MIN-MAX, from 1 on; got {self.workers[0]}-{self.workers[1]}.")
        if self.cpus <= 0 or (self.gpus or 0) < 0:
            raise BadSetting("--cpus-per-worker must be above 0, and --gpus-per-worker not below 0.")

    @contextmanager
    def connected(self) -> Iterator["Connected"]:
        """Yield the connected cluster; a cluster started for the block stops with it."""
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
    """A connected cluster."""

    def __init__(self, ray: Any, cluster: Cluster) -> None:
        self._ray = ray
        there = ray.cluster_resources()
        self._gpus = min(1.0, there.get("GPU", 0.0)) if cluster.gpus is None else cluster.gpus
        self._cpus = cluster.cpus
        fitting = int(there.get("CPU", 1) // cluster.cpus)
        if self._gpus:
            fitting = min(fitting, int(there.get("GPU", 0) // self._gpus))
        self.workers = cluster.workers or (max(1, fitting), max(1, fitting))
        """Minimum and maximum number of concurrent workers."""
        if cluster.workers is None and fitting < 1:
            raise BadSetting(
                f"no worker fits: each requires {self._cpus:g} CPUs and {self._gpus:g} GPUs; the cluster has "
                f"{there.get('CPU', 0):g} and {there.get('GPU', 0):g}. Request fewer, or set --workers and wait."
            )

    @property
    def place(self) -> "WorkerSetup":
        """The context of this process that workers need."""
        threads = max(1, int(self._cpus))
        own = {name: value for name, value in os.environ.items() if name.startswith(TAKEN_ALONG)}
        own |= {"DIPTYCH_CACHE": str(cache_root().absolute()), "DIPTYCH_THREADS": str(threads)}
        return WorkerSetup(own, str(Path.cwd()), threads)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Submit a task and return its future; the task is retried if its worker dies."""
        task = self._ray.remote(max_retries=RETRIES, num_cpus=self._cpus, num_gpus=self._gpus)(in_place)
        future: Future[Any] = Future()
        task.remote(self.place, work, arguments).future().add_done_callback(partial(pass_on, future))
        return future

    def map(self, maker: Callable[[], Callable[[Any], Any]], blocks: Iterable[Any]) -> Iterator[Any]:
        """Yield the results of workers for blocks, in order, with Ray Data.

        Every worker calls `maker` once, and its result for each block; the blocks of a dead worker are reassigned.
        Blocks are consumed lazily, `WINDOW` at a time, and each window starts new workers.
        """
        source = iter(blocks)
        while window := list(islice(source, WINDOW)):
            yield from self._map(maker, window)

    def _map(self, maker: Callable[[], Callable[[Any], Any]], blocks: Sequence[Any]) -> Iterator[Any]:
        from ray.data import ActorPoolStrategy, from_items

        hush_data()
        few, many = min(self.workers[0], len(blocks)), min(self.workers[1], len(blocks))
        rows = from_items([{"box": Parcel(block)} for block in blocks], override_num_blocks=len(blocks))
        retried: dict[str, Any] = {"max_task_retries": RETRIES}  # unlimited by default
        pool = ActorPoolStrategy(size=many) if few == many else ActorPoolStrategy(min_size=few, max_size=many)
        worker: Any = Worker
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray 2.60 announces a new name for the number of retries
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
