"""Packages that only some users need: the extras of the distribution."""

from importlib import import_module
from typing import Any

from diptych.errors import MissingExtra


def require(module: str, *, extra: str, wanted_by: str, package: str = "") -> Any:
    """Import a module of an optional package; `MissingExtra` names the extra to install if there is none.

    `package` is its name where it is installed from, if it differs from the missing module's.

    >>> require("no_such_package", extra="plot", wanted_by="drawings")
    Traceback (most recent call last):
    diptych.errors.MissingExtra: drawings need the package no_such_package. Install it: pip install 'diptych[plot]'.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtra.named(extra, wanted_by=wanted_by, package=package or error.name or module) from error
