"""Every error that diptych raises on purpose, as one tree.

    DiptychError                   the root: catch this one to catch them all
    ├── UnknownName                a registry has no entry with that name
    ├── MissingExtra               an optional dependency is not installed
    ├── BadData                    something is wrong with a data set
    │   ├── BadManifest            a line of a manifest or list cannot be read
    │   ├── BadImage               a picture cannot be decoded, or is too large to decode safely
    │   ├── BadText                a text is empty, too long or in a broken encoding
    │   ├── MissingData            a file, folder, split or modality is missing
    │   └── BadDownload            an archive is incomplete, or unsafe to unpack
    ├── BadFeature                 a feature is not finite
    ├── ShapeMismatch              arrays do not match each other or the model
    ├── BadSetting                 a setting is unknown, of the wrong type or impossible
    ├── BadCheckpoint              a run folder or weight file is damaged or of the wrong kind
    ├── Diverged                   training produced NaN or infinity
    ├── WorkerLost                 a worker process died
    ├── StoreFailed                an operation of a store failed
    └── Refused                    the service refused a request

Each message is one to three sentences: what was expected, what was given, what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DiptychError(Exception):
    """Base class of all deliberate errors; the message explains the cause and the remedy."""


class UnknownName(DiptychError):
    """A registry has no entry with that name; the message suggests the nearest one."""

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str]) -> "UnknownName":
        """Return the error for `name`, suggesting the nearest of `known`, or all of them if none is near.

        >>> str(UnknownName.among("methods", "mscm", ["cca", "mcsm"]))
        "methods has no entry 'mscm'. Did you mean 'mcsm'?"
        """
        names = sorted(known)
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names) or 'none'}."
        return cls(f"{kind} has no entry {name!r}. {hint}")


class MissingExtra(DiptychError):
    """An optional dependency is not installed."""

    @classmethod
    def named(cls, extra: str, *, wanted_by: str, package: str) -> "MissingExtra":
        """Return the error that names the extra of diptych to install.

        >>> str(MissingExtra.named("timm", wanted_by="the timm encoders", package="timm"))
        "the timm encoders need the package timm. Install it: pip install 'diptych[timm]'."
        """
        return cls(f"{wanted_by} need the package {package}. Install it: pip install 'diptych[{extra}]'.")


class BadData(DiptychError):
    """Something is wrong with a data set."""


class BadManifest(BadData):
    """A line of a manifest or list cannot be read."""


class BadImage(BadData):
    """A picture cannot be decoded, or is too large to decode safely."""


class BadText(BadData):
    """A text is empty, too long or in a broken encoding."""


class MissingData(BadData):
    """A file, folder, split or modality is missing."""


class BadDownload(BadData):
    """An archive is incomplete, or unsafe to unpack."""


class BadFeature(DiptychError):
    """A feature is not finite."""


class ShapeMismatch(DiptychError):
    """Arrays do not match each other or the model."""


class BadSetting(DiptychError):
    """A setting is unknown, of the wrong type or impossible."""


class BadCheckpoint(DiptychError):
    """A run folder or weight file is damaged or of the wrong kind."""


class Diverged(DiptychError):
    """Training produced NaN or infinity."""


class WorkerLost(DiptychError):
    """A worker process died."""


class StoreFailed(DiptychError):
    """An operation of a store failed, for example because its disk is full or its server is down."""


class Refused(DiptychError):
    """The service refused a request; carries the service's message."""

    def __init__(self, status: int, message: str, *, code: str = "refused", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status."""
        self.code = code
        """A code for programs."""
        self.retry_after = retry_after
        """Seconds after which a retry may succeed; None if unknown."""
