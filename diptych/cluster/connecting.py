"""Connect to Ray, or start it on this machine, without its output."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diptych.errors import BadSetting, MissingExtra

SECONDS_TO_ANSWER = 5.0
"""Timeout for a connection to a cluster."""
STORE_BYTES = 512 * 2**20
"""Shared memory of a cluster started on this machine; results are small."""


def import_ray() -> Any:
    """Import Ray without its console output; raise `MissingExtra` if it is not installed."""
    # before Ray is imported, because it reads them on import
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # suppresses its messages on stdout about dead workers
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtra.named("ray", wanted_by="commands with --on ray", package=error.name or "ray") from error
    return ray


def connect(ray: Any, address: str, *, cpus: int | None) -> None:
    """Connect this process to the cluster at an address, or start one here (`local`)."""
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    if address == "local":
        # on loopback only, because anyone who can reach Ray can run arbitrary code
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
    """Discard stderr, to which Ray's compiled part writes."""
    with Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _knock(address: str) -> None:
    """Refuse an unreachable address quickly, because Ray itself retries for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        raise BadSetting(f"--address must be HOST:PORT or ray://HOST:PORT; got {address!r}.")
    try:
        socket.create_connection((host, int(port)), timeout=SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise _unreachable(address, error.strerror or str(error)) from error


def _unreachable(address: str, reason: str) -> BadSetting:
    return BadSetting(
        f"no Ray cluster answers at {address} ({reason.rstrip('.')}). Start one (ray start --head), or omit --address "
        "to use this machine."
    )


def hush_data() -> None:
    """Disable the progress bars and messages of Ray Data; the caller reports progress."""
    from ray.data import DataContext

    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_options.preserve_order = True
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
