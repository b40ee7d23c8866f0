"""The work of a grid, spread over processes that share the processor fairly."""

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
"""Called for each piece of work that ended: its cell, and why the cell failed (empty where it did not)."""


Submit = Callable[..., Future[object]]
"""Takes a function and its arguments, and returns the future of its result."""


def work_off(tasks: Sequence[CellTask], *, jobs: int, on_end: OnEnd) -> None:
    """Train every candidate of every cell and measure each cell, in `jobs` processes at a time."""
    with _pool(jobs) as pool:
        _hand_over(tasks, pool.submit, limit=jobs, on_end=on_end)


def work_off_on(cluster: Cluster, tasks: Sequence[CellTask], *, on_end: OnEnd) -> None:
    """Do the same as tasks of a Ray cluster, which decides where each runs and runs it again where a worker dies."""
    with cluster.connected() as connected:
        _hand_over(tasks, connected.submit, limit=connected.workers[1], on_end=on_end)


def _hand_over(tasks: Sequence[CellTask], submit: Submit, *, limit: int, on_end: OnEnd) -> None:
    """Hand out pieces of work, as many at a time as there are workers.

    Candidates are handed out one by one, so that a kill loses at most one fit a process; a cell is measured as soon as
    its last candidate is trained. A cell that fails is reported and the others go on.
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
    """Submit waiting fits until as many pieces of work run as there are processes."""
    while len(running) < limit and (item := next(waiting, None)):
        task, candidate = item
        running[submit(fit_candidate, task, candidate)] = (task, False)


def _outcome(future: Future[object]) -> str:
    """Return why a piece of work failed, or nothing; a process that died ends the whole grid with a sentence."""
    try:
        future.result()
    except BrokenProcessPool:
        raise WorkerLost(
            "a working process died, most likely for want of memory. Give the same command again to go on, with a "
            "smaller --jobs."
        ) from None
    except WorkerLost:
        raise
    except DiptychError as refusal:
        return str(refusal)
    return ""


@contextmanager
def _pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Yield processes that have an equal share of the processor each; all are gone when the block ends."""
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
    """Prepare a process: its share of threads, and an end when the process that wanted its work has ended."""
    import torch

    torch.set_num_threads(int(threads))
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(1)
