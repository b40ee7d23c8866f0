"""The processes that train one model together: those started by torch's launcher, or this one alone.

They share each batch of a recipe. The first process validates, writes the run folder and reports progress; the others
wait for its results. All use the same disk: the data, the cache and the run folder.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from inspect import signature
from typing import Any, ParamSpec, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from typing_extensions import override

from diptych.errors import BadSetting, DiptychError, WorkerLost
from diptych.maths.sharing import WHOLE, Share, SharesRows
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod
from diptych.settings import thread_count
from diptych.training.objective import objective
from diptych.training.part import Part

PATIENCE = timedelta(days=30)
"""How long processes wait for the first one, which may encode or validate for hours."""

Outcome = TypeVar("Outcome")
Arguments = ParamSpec("Arguments")
Objective = Callable[[Batch, torch.Generator], dict[str, Tensor]]


def best_device() -> torch.device:
    """Return the GPU if there is one, or else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Processes(ABC):
    """The processes of a run, from the view of one of them."""

    rank: int = 0
    count: int = 1

    @property
    def restarted(self) -> bool:
        """Whether the launcher restarted these processes after one died."""
        return os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"

    @property
    def leads(self) -> bool:
        """Whether this process validates, writes and reports progress."""
        return self.rank == 0

    @abstractmethod
    def device(self) -> torch.device:
        """Return the device of this process."""

    @abstractmethod
    def threads(self) -> int | None:
        """Return the number of threads of this process during training; None for the one that it has."""

    @abstractmethod
    def share(self, rows: int) -> Share:
        """Return this process's share of batches with this many rows."""

    @abstractmethod
    def first(
        self, work: Callable[Arguments, Outcome], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Outcome:
        """Run `work` in the first process and return its result, or raise its error, in all."""

    def wait(self) -> None:
        """Wait until the first process arrives here too."""
        self.first(lambda: None)

    @abstractmethod
    def objective(self, model: nn.Module, *, chunk: int = 0) -> Objective:
        """Return a model's objective with gradients averaged over all processes during the backward pass.

        Each process represents at most `chunk` pairs at a time; 0 means all its own.
        """

    @abstractmethod
    def watched(self) -> AbstractContextManager[None]:
        """Return a block in which the death of another process raises `WorkerLost`."""


class Alone(Processes):
    """A single process."""

    @override
    def device(self) -> torch.device:
        return best_device()

    @override
    def threads(self) -> None:
        return None

    @override
    def share(self, rows: int) -> Share:
        return WHOLE

    @override
    def first(
        self, work: Callable[Arguments, Outcome], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Outcome:
        return work(*arguments, **named)

    @override
    def objective(self, model: nn.Module, *, chunk: int = 0) -> Objective:
        return partial(objective, cast("GradientMethod", model), chunk=chunk)

    @override
    def watched(self) -> AbstractContextManager[None]:
        return nullcontext()


ALONE = Alone()


class Joined(Processes):
    """One of several processes in torch's default group."""

    def __init__(self) -> None:
        self.rank, self.count = dist.get_rank(), dist.get_world_size()
        self._waiting = dist.new_group(backend="gloo", timeout=PATIENCE)

    @override
    def device(self) -> torch.device:
        return own_device()

    @override
    def threads(self) -> int:
        return max(1, thread_count() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))

    @override
    def share(self, rows: int) -> Share:
        if rows < self.count:
            raise BadSetting(
                f"a batch of {rows} pairs cannot be shared by {self.count} processes. Train with fewer processes, "
                "or with a larger training.batch."
            )
        return Part(self.rank, self.count, rows)

    @override
    def first(
        self, work: Callable[Arguments, Outcome], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Outcome:
        told: list[object] = [None, None]
        if self.leads:
            try:
                told[0] = work(*arguments, **named)
            except DiptychError as refusal:
                told[1] = refusal
        with self.watched():
            dist.broadcast_object_list(told, src=0, group=self._waiting)
        if isinstance(told[1], DiptychError):
            raise told[1]
        return cast("Outcome", told[0])

    @override
    def objective(self, model: nn.Module, *, chunk: int = 0) -> Objective:
        if not isinstance(model, SharesRows):
            raise BadSetting(
                f"{type(model).__name__} does not support shared batches, so one process trains it. Omit --processes."
            )
        # buckets rebuilt after the first step would change the order of summation in a resumed run;
        # searching for unused parameters keeps the buckets unchanged
        known = signature(DistributedDataParallel).parameters
        still: Any = {"forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False}
        averaged = DistributedDataParallel(_Objective(model, chunk), find_unused_parameters=True, **still)

        def averaging(batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
            losses: dict[str, Tensor] = averaged(batch, generator)
            return losses

        return averaging

    @override
    def watched(self) -> AbstractContextManager[None]:
        return _lost_ones_told()


class _Objective(nn.Module):
    """A model's objective as a forward pass, as DistributedDataParallel requires."""

    def __init__(self, model: nn.Module, chunk: int) -> None:
        super().__init__()
        self.model, self.chunk = model, chunk

    def forward(self, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the losses by name."""
        method = cast("GradientMethod", self.model)
        return objective(method, batch, generator, share=cast("SharesRows", self.model).share, chunk=self.chunk)


@contextmanager
def joined() -> Iterator[Processes]:
    """Yield the joined processes of torch's launcher for the block, or a single process without it."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or not dist.is_torchelastic_launched():
        yield ALONE
        return
    device = own_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        with _lost_ones_told():
            _join("nccl" if device.type == "cuda" else "gloo")
            processes = Joined()
        yield processes
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _join(backend: str) -> None:
    """Initialise torch's default process group.

    The launcher keeps one store across restarts, with the addresses of former processes, so each start uses its own
    prefix. Machines may count their restarts differently.
    """
    store, rank, count = next(dist.rendezvous("env://"))  # type: ignore[attr-defined]
    if os.environ.get("GROUP_WORLD_SIZE") == "1":
        start = f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}"
        store = dist.PrefixStore(start, store)  # type: ignore[attr-defined]
    dist.init_process_group(backend, store=store, rank=rank, world_size=count)


@contextmanager
def _lost_ones_told() -> Iterator[None]:
    """Convert the errors of torch's collectives about a lost process to `WorkerLost`."""
    try:
        yield
    except RuntimeError as error:
        if not _of_collectives(error):
            raise
        raise WorkerLost(
            "another process of this training has ended, so this one cannot continue. Repeat the command with --resume."
        ) from error


def own_device() -> torch.device:
    """Return this process's own GPU, or the CPU if there are no GPUs."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    local, there = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= there:
        raise BadSetting(f"each process needs its own GPU; this machine has {there}. Start at most that many.")
    return torch.device("cuda", local)


def _of_collectives(error: RuntimeError) -> bool:
    """Return whether an error comes from torch's collectives, which report a lost peer in many ways."""
    return isinstance(error, dist.DistError) or any(name in str(error) for name in ("gloo", "NCCL"))
