"""Code that runs in Ray's worker processes, and how its errors are returned."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diptych.errors import DiptychError, WorkerLost

RETRIES = 3
"""Retries of a block before the loss of its workers is reported."""


@dataclass(frozen=True)
class Parcel:
    """Wraps a value for Ray Data, which would convert bare tuples, lists and arrays to columns."""

    content: Any


@dataclass(frozen=True)
class WorkerSetup:
    """The context of the submitting process that a worker adopts."""

    variables: Mapping[str, str] = field(repr=False)
    """Environment variables: cache, data folders and S3 access."""
    folder: str
    """The working directory, so that relative paths resolve alike; ignored if it does not exist."""
    threads: int

    def enter(self) -> None:
        """Adopt the context in this process."""
        import torch

        os.environ |= self.variables
        if Path(self.folder).is_dir():
            os.chdir(self.folder)
        torch.set_num_threads(self.threads)


class Worker:
    """A worker of Ray Data, which processes blocks one by one.

    Errors of diptych are returned like results, because Ray would wrap a raised error and lose it.
    """

    def __init__(self, place: WorkerSetup, maker: Callable[[], Callable[[Any], Any]]) -> None:
        place.enter()
        self._refusal: DiptychError | None = None
        try:
            self._make = maker()
        except DiptychError as refusal:
            self._refusal = refusal

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with the result or the error."""
        try:
            return {"box": Parcel(self._refusal or self._make(row["box"].content))}
        except DiptychError as refusal:
            return {"box": Parcel(refusal)}


def in_place(place: WorkerSetup, work: Callable[..., Any], arguments: Iterable[Any]) -> Any:
    """Run a task in a process that adopts a context."""
    place.enter()
    return work(*arguments)


@contextmanager
def told() -> Iterator[None]:
    """Re-raise the errors of workers, and convert Ray's errors about dead workers to one sentence."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise refusal_in(error) from None


def refusal_in(error: BaseException) -> DiptychError:
    """Return the error of a worker, or the error for a lost worker; other exceptions are raised."""
    from ray.exceptions import ActorDiedError, RayActorError, RayTaskError, WorkerCrashedError

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, RayTaskError):
            cause = cause.cause
        elif isinstance(cause, DiptychError):
            return cause
        elif isinstance(cause, ActorDiedError) and cause.actor_init_failed:
            return WorkerLost(
                f"no worker could start: {str(cause).strip().splitlines()[-1]}. Install the same version of diptych, "
                "with the same extras, on every worker."
            )
        elif isinstance(cause, RayActorError | WorkerCrashedError):
            return WorkerLost(
                f"a task ended {RETRIES + 1} workers, most likely because they ran out of memory. Repeat the command "
                "to continue, with more --cpus-per-worker, so that fewer workers run at once."
            )
        else:
            cause = cause.__cause__
    raise error


def pass_on(future: Future[Any], done: Future[Any]) -> None:
    """Copy the result or the error of a Ray task to a future."""
    try:
        with told():
            future.set_result(done.result())
    except BaseException as error:
        future.set_exception(error)
