"""Run the tasks of a grid in processes that share the CPU evenly."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from threading import Thread

from diptych.benchmark.fitting import finish_cell, fit_candidate
from diptych.benchmark.task import CellTask
from diptych.cluster import Cluster
from diptych.errors import DiptychError, WorkerLost
from diptych.settings import THREAD_VARIABLES, environment, thread_count

OnEnd = Callable[[CellTask, str], None]
"""Called after each task with its cell and the reason for a failure (empty on success)."""


Submit = Callable[..., Future[object]]
"""Submits a function with its arguments and returns the future of its result."""


def work_off(tasks: Sequence[CellTask], *, jobs: int, on_end: OnEnd) -> None:
    """Train every candidate and evaluate every cell, in `jobs` concurrent processes."""
    with _pool(jobs) as pool:
        _hand_over(tasks, pool.submit, limit=jobs, on_end=on_end)


def work_off_on(cluster: Cluster, tasks: Sequence[CellTask], *, on_end: OnEnd) -> None:
    """Do the same with tasks on a Ray cluster, which schedules them and retries those whose worker dies."""
    with cluster.connected() as connected:
        _hand_over(tasks, connected.submit, limit=connected.workers[1], on_end=on_end)


def _hand_over(tasks: Sequence[CellTask], submit: Submit, *, limit: int, on_end: OnEnd) -> None:
    """Submit tasks, as many at a time as there are workers.

    Candidates are submitted one by one, so that an interruption loses at most one fit per process; a cell is evaluated
    as soon as its last candidate is trained. A failed cell is reported and the others continue.
    """
    left = {task: len(task.candidates) for task in tasks}
    waiting = iter([(task, k) for task in tasks for k in range(len(task.candidates))])
    running: dict[Future[object], tuple[CellTask, bool]] = {}
    _hand_out(submit, waiting, running, limit=limit)
    while running:
        done, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in done:
            task, last = running.pop(future)
            reason = _outcome(future)
            on_end(task, reason)
            left[task] -= 1
            if not last and not left[task]:
                running[submit(finish_cell, task)] = (task, True)
        _hand_out(submit, waiting, running, limit=limit)


def _hand_out(
    submit: Submit,
    waiting: Iterator[tuple[CellTask, int]],
    running: dict[Future[object], tuple[CellTask, bool]],
    *,
    limit: int,
) -> None:
    """Submit queued fits until every process has a task."""
    while len(running) < limit and (item := next(waiting, None)):
        task, candidate = item
        running[submit(fit_candidate, task, candidate)] = (task, False)


def _outcome(future: Future[object]) -> str:
    """Return why a task failed, or an empty text; a dead process ends the whole grid with an error."""
    try:
        future.result()
    except BrokenProcessPool:
        raise WorkerLost(
            "a worker process died, most likely because it ran out of memory. Repeat the command with a smaller --jobs "
            "to continue."
        ) from None
    except WorkerLost:
        raise
    except DiptychError as refusal:
        return str(refusal)
    return ""


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Yield processes with an equal share of the CPU each; all are stopped when the block ends."""
    threads = str(max(1, thread_count() // jobs))
    with environment(dict.fromkeys(("DIPTYCH_THREADS", *THREAD_VARIABLES), threads)):
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(threads,))
        try:
            yield pool
        except BaseException:
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(threads: str) -> None:
    """Set up a process: its share of threads, and its exit when the parent process ends."""
    import torch

    torch.set_num_threads(int(threads))
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)
