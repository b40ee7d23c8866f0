"""Networks opened by other libraries: from a folder, from earlier downloads, or from the model hub."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from diptych.encoders.foreign_code import without_foreign_code
from diptych.errors import BadCheckpoint, MissingData
from diptych.extras import require

PATIENCE = 3.0
"""Timeout in seconds for each address of the hub."""
BY_NAME = ("transformers", "sentence-transformers")
"""Libraries that take names on the hub as they are; the others mark them with `hf-hub:`."""


@contextmanager
def opened_by(library: str, source: str) -> Iterator[None]:
    """Convert the exceptions of a library that opens `source` in this block into one error.

    If `source` is not a folder and the hub does not answer within seconds, the block runs in the hub's offline mode:
    downloaded networks open as usual, and others fail immediately instead of after many attempts. A network that would
    run its author's code is refused (`diptych.encoders.foreign_code`).
    """
    local = Path(source.removeprefix("local-dir:"))
    away = not local.exists() and not hub_answers()
    try:
        with _offline(forced=away):
            folder = local if local.exists() else _settings_of(library, source)
            with without_foreign_code(source, folder):
                yield
    except (OSError, ValueError, RuntimeError) as error:
        if away:
            raise MissingData(
                f"{source} is not a folder, {library} has no download of it, and the model hub cannot be reached. "
                "Connect this machine, or give the folder of a network."
            ) from error
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BadCheckpoint(f"{source} cannot be opened by {library}: {reason}") from error


def _settings_of(library: str, source: str) -> Path | None:
    """Return a folder with the settings of a network on the hub, downloaded if need be; None if there are none."""
    name = source.removeprefix("hf-hub:")
    if library == "sentence-transformers" and "/" not in name:
        name = f"sentence-transformers/{name}"
    if library not in BY_NAME and name == source:
        return None
    with suppress(OSError, ValueError):  # the library fails too, and says why
        wanted = {"allow_patterns": ["*.json"], "ignore_patterns": ["*tokenizer.json", "onnx/*"]}
        return Path(hub_library().snapshot_download(name, **wanted))
    return None


def hub_library(module: str = "huggingface_hub") -> Any:
    """Return the model hub's own library, or a module of it; `MissingExtra` if it is not installed."""
    return require(module, extra="hub", wanted_by="models on the hub", package="huggingface-hub")


def hub_settings() -> Any:
    """Return the settings of the model hub's library: its address, and whether it is contacted."""
    return hub_library("huggingface_hub.constants")


def hub_answers() -> bool:
    """Return whether the model hub answers within seconds; it is not contacted if HF_HUB_OFFLINE is set."""
    constants = hub_settings()
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
    constants = hub_settings()
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or forced
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
