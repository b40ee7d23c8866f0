"""How much a command says on stderr beside its results: `--quiet`, `--verbose`, or what is usual."""

import resource
import sys
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import typer

from diptych import __version__
from diptych.settings import cache_root, thread_count

SHOWN = ("torch", "numpy", "lancedb")
"""The packages whose versions are told."""


class Loudness:
    """What this command says."""

    quiet = False
    """No messages and no progress: only results and errors."""
    verbose = False
    """Also what it runs on, what it took, and where an error came from."""

    @classmethod
    def choose(cls, *, quiet: bool, verbose: bool, otherwise: Mapping[str, Any]) -> None:
        """Set it as the command line says, or else as the user's defaults do."""
        if quiet and verbose:
            raise typer.BadParameter("choose one of the two.", param_hint="--quiet / --verbose")
        cls.quiet = quiet or (bool(otherwise.get("quiet")) and not verbose)
        cls.verbose = verbose or (bool(otherwise.get("verbose")) and not quiet)


def surroundings() -> str:
    """Return what this command runs on."""
    packages = ", ".join(f"{name} {_version(name)}" for name in SHOWN)
    python = ".".join(map(str, sys.version_info[:3]))
    threads = thread_count()
    return (
        f"diptych {__version__} on Python {python}, {packages}; {threads} thread{'s' * (threads != 1)}; "
        f"cache {cache_root()}"
    )


def expenses(begun: float) -> str:
    """Return what this command took since a moment of `time.perf_counter`, and its memory at its peak."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds, computed = time.perf_counter() - begun, used.ru_utime + used.ru_stime
    return f"{seconds:.1f} seconds, {computed:.1f} of a processor; at most {used.ru_maxrss / 2**10:,.0f} MB of memory"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(none)"
