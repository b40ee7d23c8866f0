"""Networks that other libraries open: from a folder, from what was downloaded before, or from the hub of models."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from huggingface_hub import constants

from diptych.errors import BadCheckpoint, MissingData

PATIENCE = 3.0
"""Seconds that each address of the hub has to answer."""


@contextmanager
def opened_by(library: str, source: str) -> Iterator[None]:
    """Turn what a library raises while it opens `source` in this block into one sentence.

    Where `source` is no folder and the hub does not answer within seconds, the block sees the hub's offline mode:
    networks that were downloaded before open as always, and others fail at once instead of after many attempts.
    """
    local = Path(source.removeprefix("local-dir:")).exists()
    away = not local and not hub_answers()
    try:
        with _offline(forced=away):
            yield
    except (OSError, ValueError, RuntimeError) as error:
        if away:
            raise MissingData(
                f"{source} is no folder, {library} finds no earlier download of it, and the hub of models cannot be "
                "reached. Connect this machine, or give the folder of a network."
            ) from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadCheckpoint(f"{source} cannot be opened by {library}: {reason}") from error


def hub_answers() -> bool:
    """Return whether the hub of models answers within seconds; never asked where HF_HUB_OFFLINE is set."""
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
