"""Ray: connecting to a cluster, or starting one on this machine, and saying in a sentence what went wrong there.

What a worker is given (processors, GPUs, how many workers, growing between two numbers) are Ray's own options. Its
scheduler, its queues and its way of doing again what a dead worker had begun are Ray's.
"""

import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from diptych.errors import BadSetting, DiptychError, MissingExtra, WorkerLost
from diptych.settings import cache_root

RETRIES = 3
"""So often a block is given to another worker before what kills them is told."""
SECONDS_TO_ANSWER = 5.0
"""A cluster that does not answer a connection by then is not there."""
TAKEN_ALONG = ("AWS_", "DIPTYCH_")
"""How variables of the environment begin that workers take over."""
STORE_BYTES = 512 * 2**20
"""Shared memory of a cluster that is started on this machine: what is passed on is small."""


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
            _connect(ray, self.address or os.environ.get("RAY_ADDRESS") or "local", self)
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
    def place(self) -> "Place":
        """What a worker has to know of this process."""
        threads = max(1, int(self._cpus))
        own = {name: value for name, value in os.environ.items() if name.startswith(TAKEN_ALONG)}
        own |= {"DIPTYCH_CACHE": str(cache_root().absolute()), "DIPTYCH_THREADS": str(threads)}
        return Place(own, str(Path.cwd()), threads)

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Return the future of a piece of work that some worker does; it is done again where the worker dies."""
        task = self._ray.remote(max_retries=RETRIES, num_cpus=self._cpus, num_gpus=self._gpus)(_in_place)
        future: Future[Any] = Future()
        task.remote(self.place, work, arguments).future().add_done_callback(partial(_pass_on, future))
        return future

    def map(self, maker: Callable[[], Callable[[Any], Any]], blocks: Sequence[Any]) -> Iterator[Any]:
        """Yield what workers make of blocks, in their order, by Ray Data.

        Every worker calls `maker` once and what that returns for each block; a dead worker's blocks go to another.
        """
        from ray.data import ActorPoolStrategy, from_items

        if not blocks:
            return
        _hush_data()
        few, many = min(self.workers[0], len(blocks)), min(self.workers[1], len(blocks))
        rows = from_items([{"box": Box(block)} for block in blocks], override_num_blocks=len(blocks))
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


@dataclass(frozen=True)
class Box:
    """What passes through Ray Data as it is: of bare tuples, lists and arrays it would make columns of its own."""

    content: Any


@dataclass(frozen=True)
class Place:
    """What a worker takes over from the process that wants its work."""

    variables: Mapping[str, str] = field(repr=False)
    """Of the environment: the cache, where data sets lie, and how S3 is reached."""
    folder: str
    """The working directory, so that relative paths mean the same; left out where there is no such folder."""
    threads: int

    def enter(self) -> None:
        """Make this process work as that one does."""
        import torch

        os.environ |= self.variables
        if Path(self.folder).is_dir():
            os.chdir(self.folder)
        torch.set_num_threads(self.threads)


class Worker:
    """What stands in a process of Ray Data, and makes something of one block after another.

    What is refused is handed back like a result: raised here, Ray would wrap it up with its traces and lose it.
    """

    def __init__(self, place: Place, maker: Callable[[], Callable[[Any], Any]]) -> None:
        place.enter()
        self._refusal: DiptychError | None = None
        try:
            self._make = maker()
        except DiptychError as refusal:
            self._refusal = refusal

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with what was made, or why it was refused."""
        try:
            return {"box": Box(self._refusal or self._make(row["box"].content))}
        except DiptychError as refusal:
            return {"box": Box(refusal)}


@contextmanager
def told() -> Iterator[None]:
    """Raise what a worker refused as it was raised there, and what Ray has to say of dead workers as a sentence."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise refusal_in(error) from None


def refusal_in(error: BaseException) -> DiptychError:
    """Return what a worker refused, or the sentence about a worker that was lost; other faults are raised."""
    from ray.exceptions import ActorDiedError, RayActorError, RayTaskError, WorkerCrashedError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RayTaskError):
            cause = cause.cause
        elif isinstance(cause, DiptychError):
            return cause
        elif isinstance(cause, ActorDiedError) and cause.actor_init_failed:
            return WorkerLost(
                f"no worker could begin: {str(cause).strip().splitlines()[-1]}. Install the same version of diptych, "
                "with the same extras, wherever there are workers."
            )
        elif isinstance(cause, RayActorError | WorkerCrashedError):
            return WorkerLost(
                f"a piece of work ended {RETRIES + 1} workers, most likely for want of memory. Give the same command "
                "again to go on, with more --cpus-per-worker, so that fewer work at once."
            )
        else:
            cause = cause.__cause__
    raise error


def _pass_on(future: Future[Any], done: Future[Any]) -> None:
    """Give a future what a task of Ray came to, with a worker's refusal as it was raised there."""
    try:
        with told():
            future.set_result(done.result())
    except BaseException as error:
        future.set_exception(error)


def _in_place(place: Place, work: Callable[..., Any], arguments: Iterable[Any]) -> Any:
    place.enter()
    return work(*arguments)


def import_ray() -> Any:
    """Return Ray, which says no more than it is asked; `MissingExtra` where it is not installed."""
    # before Ray is imported: it reads them then
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # what it would print on stdout about workers that died
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra.named("ray", wanted_by="commands with --on ray", package=error.name or "ray") from error
    return ray


def _connect(ray: Any, address: str, cluster: Cluster) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address == "local":
        workers = cluster.workers and max(1, round(cluster.workers[1] * cluster.cpus))
        with _muted():
            ray.init(address, num_cpus=workers, include_dashboard=False, object_store_memory=STORE_BYTES, **quiet)
        return
    if address != "auto":
        _knock(address)
    try:
        with _muted():
            ray.init(address, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _unreachable(address, str(error).splitlines()[0]) from error


@contextmanager
def _muted() -> Iterator[None]:
    """Send what is written on stderr nowhere: Ray's compiled part tells there how quiet it was told to be."""
    with Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _knock(address: str) -> None:
    """Refuse an address where nothing listens, for Ray itself tries for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        raise BadSetting(f"--address must be HOST:PORT or ray://HOST:PORT; got {address!r}.")
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise _unreachable(address, error.strerror or str(error)) from error


def _unreachable(address: str, reason: str) -> BadSetting:
    return BadSetting(
        f"no Ray cluster answers at {address} ({reason.rstrip('.')}). Start one (ray start --head), or leave --address "
        "out to work on this machine."
    )


def _hush_data() -> None:
    """Keep Ray Data from drawing and telling: progress is told by whoever wants the work."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
