"""Several processes of one training on this machine, started and watched by torch's elastic launcher.

`torchrun … -m diptych train …` is the same without this file: what a process needs to know is in its environment.
"""

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from uuid import uuid4

from diptych.errors import WorkerLost
from diptych.settings import THREAD_VARIABLES, environment, thread_count

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that the launcher passes on to its processes."""
REFUSED = "refused"
"""The file, beside the attempts of a launch, by which the first process that is refused tells the others."""


def launch(arguments: Sequence[str], *, processes: int, max_restarts: int) -> int:
    """Run `diptych` with these arguments in so many processes and return its exit code.

    When one dies all are started again, up to `max_restarts` times; `WorkerLost` after that. Each has its share of the
    processor's threads. What a process refuses is not tried again: it has said why, and the exit code is 2.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    threads = dict.fromkeys(THREAD_VARIABLES, str(max(1, thread_count() // processes)))
    with TemporaryDirectory(prefix="diptych-") as folder, _quiet(), environment(threads):
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            run_id=uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint="127.0.0.1:0",
            local_addr="127.0.0.1",
            max_restarts=max_restarts,
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        try:
            elastic_launch(config, sys.executable)("-u", "-m", "diptych", *arguments)
        except SignalException as told:
            if told.sigval == signal.SIGINT:
                raise KeyboardInterrupt from None
            return 128 + told.sigval
        except ChildFailedError as failed:
            if list(Path(folder).glob(f"*/{REFUSED}")):
                return 2
            raise WorkerLost(_lost(failed, max_restarts)) from None
    return 0


def _lost(failed: "ChildFailedError", max_restarts: int) -> str:
    rank, failure = failed.get_first_failure()
    how = f"was killed by {failure.signal_name()}" if failure.exitcode < 0 else f"ended with code {failure.exitcode}"
    again = f", and so did others before it: {max_restarts} restarts are used up" if max_restarts else ""
    return (
        f"training process {rank} of {failed.name} {how}{again}. Run the same command with --resume to continue from "
        "the last checkpoint."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the launcher's own log and signal handlers to the block: what it has to say is an exception."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("torch.distributed.elastic")]
    levels = {name: logging.getLogger(name).level for name in names}
    handlers = {number: signal.getsignal(number) for number in HANDLED}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for number, handler in handlers.items():
            signal.signal(number, handler)
