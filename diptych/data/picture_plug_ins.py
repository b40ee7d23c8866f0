"""Formats that Pillow reads with another package, which is imported when the first such picture is met."""

from functools import cache
from importlib import import_module
from importlib.util import find_spec

PLUG_INS = {".heic": "pillow-heif", ".heif": "pillow-heif", ".hif": "pillow-heif", ".jxl": "pillow-jxl-plugin"}
"""The suffixes of these formats, with the package that each needs."""

_MODULES = {"pillow-heif": "pillow_heif", "pillow-jxl-plugin": "pillow_jxl"}
"""How each package is imported."""


def missing_plug_in(suffix: str) -> str | None:
    """Return the package without which a picture with this suffix cannot be read; None if nothing is missing.

    >>> missing_plug_in(".jpg")
    """
    package = PLUG_INS.get(suffix.lower())
    return package if package and _MODULES[package] not in _installed() else None


@cache
def register_plug_ins() -> bool:
    """Let Pillow use the packages that are installed, and return whether there are any."""
    for name in _installed():
        module = import_module(name)  # importing registers pillow_jxl
        if name == _MODULES["pillow-heif"]:
            module.register_heif_opener()
    return bool(_installed())


@cache
def _installed() -> list[str]:
    """Return the modules that are there; asked once, since a process that decodes cannot read folders later."""
    return [name for name in _MODULES.values() if find_spec(name) is not None]
