"""Every error that diptych raises on purpose, as one tree.

    DiptychError                   the root: catch this one to catch them all
    ├── UnknownName                a room has no entry of that name
    ├── MissingExtra               an optional dependency is not installed
    ├── BadData                    something is wrong with a data set
    │   ├── BadManifest            a line of a manifest or list cannot be read
    │   ├── BadImage               a picture cannot be decoded, or is too large to decode safely
    │   ├── BadText                a text is empty, too long or in a broken encoding
    │   ├── MissingData            a file, folder, split or modality is not there
    │   └── BadDownload            an archive did not arrive whole, or is unsafe to unpack
    ├── BadFeature                 a feature is not finite
    ├── ShapeMismatch              arrays do not fit each other or the model
    ├── BadSetting                 a setting is unknown, of the wrong type or impossible
    ├── BadCheckpoint              a run folder or weight file is damaged or of another kind
    ├── Diverged                   training produced NaN or infinity
    ├── WorkerLost                 a process that did part of the work died
    ├── StoreFailed                a store could not do or keep what it was asked to
    └── Refused                    a request to the service was not met

Each message is one to three sentences: what was wanted, what came, what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class DiptychError(Exception):
    """Anything that diptych refuses to do, with the sentence that says why."""


class UnknownName(DiptychError):
    """A room has no entry of that name; the nearest one is offered."""

    @classmethod
    def among(cls, kind: str, name: str, known: Iterable[str]) -> "UnknownName":
        """Return the error for `name`, naming the nearest of `known`, or all of them when none is near.

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
        """Return the error that says which extra of diptych to install.

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
    """A file, folder, split or modality is not there."""


class BadDownload(BadData):
    """An archive did not arrive whole, or is unsafe to unpack."""


class BadFeature(DiptychError):
    """A feature is not finite."""


class ShapeMismatch(DiptychError):
    """Arrays do not fit each other or the model."""


class BadSetting(DiptychError):
    """A setting is unknown, of the wrong type or impossible."""


class BadCheckpoint(DiptychError):
    """A run folder or weight file is damaged or of another kind."""


class Diverged(DiptychError):
    """Training produced NaN or infinity."""


class WorkerLost(DiptychError):
    """A process that did part of the work died."""


class StoreFailed(DiptychError):
    """A store could not do or keep what it was asked to: its disk is full, its server is gone."""


class Refused(DiptychError):
    """A request to the service was not met; it has the sentence that the service said."""

    def __init__(self, status: int, message: str, *, code: str = "refused", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """As HTTP has it."""
        self.code = code
        """A word for programs."""
        self.retry_after = retry_after
        """Seconds after which it may be met; None where nobody knows."""
