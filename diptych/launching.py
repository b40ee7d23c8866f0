"""Launch several processes of one training on this machine with torch's elastic launcher.

`torchrun … -m diptych train …` does the same without this file: processes are configured by their environment.
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
"""Signals that the launcher forwards to its processes."""
REFUSED = "refused"
"""The file in a launch folder with which the first process that is refused notifies the others."""


def launch(arguments: Sequence[str], *, processes: int, max_restarts: int) -> int:
    """Run `diptych` with these arguments in several processes and return its exit code.

    If one dies, all are restarted, up to `max_restarts` times; then `WorkerLost` is raised. Each has its share of the
    CPU threads. A process that refuses its arguments reports why and is not restarted; the exit code is 2.
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
    again = f", after {max_restarts} restarts" if max_restarts else ""
    return (
        f"training process {rank} of {failed.name} {how}{again}. Repeat the command with --resume to continue from "
        "the last checkpoint."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the launcher's log within the block and restore the signal handlers; it reports by exceptions."""
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
