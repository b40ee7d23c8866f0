"""What stands in the processes of Ray's workers, and how what they say comes back."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diptych.errors import DiptychError, WorkerLost

RETRIES = 3
"""So often a block is given to another worker before what kills them is told."""


@dataclass(frozen=True)
class Parcel:
    """What passes through Ray Data as it is: of bare tuples, lists and arrays it would make columns of its own."""

    content: Any


@dataclass(frozen=True)
class WorkerSetup:
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

    def __init__(self, place: WorkerSetup, maker: Callable[[], Callable[[Any], Any]]) -> None:
        place.enter()
        self._refusal: DiptychError | None = None
        try:
            self._make = maker()
        except DiptychError as refusal:
            self._refusal = refusal

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with what was made, or why it was refused."""
        try:
            return {"box": Parcel(self._refusal or self._make(row["box"].content))}
        except DiptychError as refusal:
            return {"box": Parcel(refusal)}


def in_place(place: WorkerSetup, work: Callable[..., Any], arguments: Iterable[Any]) -> Any:
    """Return what work comes to in a process that was made ready for it."""
    place.enter()
    return work(*arguments)


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


def pass_on(future: Future[Any], done: Future[Any]) -> None:
    """Give a future what a task of Ray came to, with a worker's refusal as it was raised there."""
    try:
        with told():
            future.set_result(done.result())
    except BaseException as error:
        future.set_exception(error)
