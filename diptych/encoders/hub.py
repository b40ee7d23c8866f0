"""Networks opened by other libraries: from a folder, from earlier downloads, or from the model hub."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from huggingface_hub import constants

from diptych.errors import BadCheckpoint, MissingData

PATIENCE = 3.0
"""Timeout in seconds for each address of the hub."""


@contextmanager
def opened_by(library: str, source: str) -> Iterator[None]:
    """Convert the exceptions of a library that opens `source` in this block into one error.

    If `source` is not a folder and the hub does not answer within seconds, the block runs in the hub's offline mode:
    downloaded networks open as usual, and others fail immediately instead of after many attempts.
    """
    local = Path(source.removeprefix("local-dir:")).exists()
    away = not local and not hub_answers()
    try:
        with _offline(forced=away):
            yield
    except (OSError, ValueError, RuntimeError) as error:
        if away:
            raise MissingData(
                f"{source} is not a folder, {library} has no download of it, and the model hub cannot be reached. "
                "Connect this machine, or give the folder of a network."
            ) from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadCheckpoint(f"{source} cannot be opened by {library}: {reason}") from error


def hub_answers() -> bool:
    """Return whether the model hub answers within seconds; it is not contacted if HF_HUB_OFFLINE is set."""
    if constants.HF_HUB_OFFLINE:
        return False
    try:
        with urlopen(Request(constants.ENDPOINT, method="HEAD"), timeout=PATIENCE):
            return True
    except HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def _offline(*, forced: bool) -> Iterator[None]:
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or forced
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
