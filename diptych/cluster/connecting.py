"""Connecting to Ray, or starting it on this machine, without a word from it."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diptych.errors import BadSetting, MissingExtra

SECONDS_TO_ANSWER = 5.0
"""A cluster that does not answer a connection by then is not there."""
STORE_BYTES = 512 * 2**20
"""Shared memory of a cluster that is started on this machine: what is passed on is small."""


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


def connect(ray: Any, address: str, *, cpus: int | None) -> None:
    """Connect this process to the cluster at an address, or to one that is started here (`local`)."""
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address == "local":
        # where no other machine reaches it: whoever reaches Ray may run what he likes
        own = {"_node_ip_address": "127.0.0.1", "include_dashboard": False, "object_store_memory": STORE_BYTES}
        with _muted():
            ray.init(address, num_cpus=cpus, **own, **quiet)
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


def hush_data() -> None:
    """Keep Ray Data from drawing and telling: progress is told by whoever wants the work."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
