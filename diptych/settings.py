"""Settings: folders, threads and memory, and changes to a config by name.

A config is a frozen dataclass with a docstring for each field. `override` changes it by dotted names
(`--set loss.margin=0.3`), checks types and suggests the nearest field for a misspelt one; `field_docs` returns the
docstrings of the fields.
"""

import ast
import inspect
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from textwrap import dedent
from threading import Event
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from diptych.errors import BadSetting, UnknownName

Config = TypeVar("Config")

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Environment variables that set the thread count of libraries when they are loaded."""

_FORKED_WITH_TORCH = Event()
"""Set in a process that was forked from one that had loaded torch."""


def cache_root() -> Path:
    """Return the folder for downloads, rendered pictures and features.

    This is `DIPTYCH_CACHE`, `XDG_CACHE_HOME/diptych` or `~/.cache/diptych`, in this order.
    """
    if chosen := os.environ.get("DIPTYCH_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diptych"


def configuration_root() -> Path | None:
    """Return the user's folder for what is set on this machine: `XDG_CONFIG_HOME/diptych` or `~/.config/diptych`.

    None for a user without a home, as in a container.
    """
    if chosen := os.environ.get("XDG_CONFIG_HOME"):
        return Path(chosen) / "diptych"
    with suppress(RuntimeError):
        return Path.home() / ".config" / "diptych"
    return None


def data_roots(first: str | Path | None = None) -> list[Path]:
    """Return the folders searched for data sets by name, in order: `first`, `DIPTYCH_DATA`, the user cache."""
    named = os.environ.get("DIPTYCH_DATA")
    return [*([Path(first)] if first else []), *([Path(named)] if named else []), cache_root() / "data"]


def thread_count() -> int:
    """Return the number of threads: `DIPTYCH_THREADS`, or else the CPUs available to this process."""
    if (chosen := _chosen_threads()) is not None:
        return chosen
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_torch_threads(count: int | None = None) -> None:
    """Let torch compute with `count` threads, by default with `DIPTYCH_THREADS`; without either its number stays.

    So `OMP_NUM_THREADS` and `torch.set_num_threads` count where `DIPTYCH_THREADS` is not set. In a process that was
    forked from one that had loaded torch, the number is always 1: the threads of OpenMP do not survive a fork, and
    waiting for them would never end.
    """
    chosen = 1 if _FORKED_WITH_TORCH.is_set() else count or _chosen_threads()
    if chosen is not None:
        import torch

        torch.set_num_threads(chosen)


def _chosen_threads() -> int | None:
    chosen = os.environ.get("DIPTYCH_THREADS")
    if chosen is not None and (not chosen.isdecimal() or int(chosen) == 0):
        raise BadSetting(f"DIPTYCH_THREADS must be a whole number above 0; got {chosen!r}.")
    return None if chosen is None else int(chosen)


def _begin_after_fork() -> None:
    if "torch" in sys.modules:
        _FORKED_WITH_TORCH.set()
        set_torch_threads()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_after_fork)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for processes started within the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@cache
def memory_bytes() -> int:
    """Return the memory available to this process: the machine's, or the limit of its container."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return machine


def override(config: Config, assignments: Iterable[str]) -> Config:
    """Return a copy of `config` changed by assignments such as `loss.margin=0.3`.

    Values are parsed as JSON; values that do not parse, and values of text fields, are taken as text.
    """
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise BadSetting(f"a setting is written name=value; got {assignment!r}.")
        config = _assign(config, name.strip().split("."), text.strip(), name.strip())
    return config


def revive(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Return the config of class `kind` from the values of `dataclasses.asdict`, with or without JSON in between."""
    hints = get_type_hints(kind)
    for name in values:
        if name not in hints:
            raise UnknownName.among("settings", name, hints)
    return kind(**{name: _revived(hints[name], value, name) for name, value in values.items()})


def field_docs(kind: type) -> dict[str, str]:
    """Return the docstring of each field of a dataclass, including inherited ones."""
    docs: dict[str, str] = {}
    for each in filter(is_dataclass, reversed(kind.__mro__)):
        (definition,) = ast.parse(dedent(inspect.getsource(each))).body
        docs |= {
            field.target.id: " ".join(doc.value.value.split())
            for field, doc in pairwise(getattr(definition, "body", []))
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant) and isinstance(doc.value.value, str)
        }
    return docs


def _revived(hint: Any, value: Any, name: str) -> Any:
    if not (isinstance(hint, type) and is_dataclass(hint)):
        return _fit(hint, value, name)
    if not isinstance(value, Mapping):
        raise BadSetting(f"{name} must be a group of settings; got {value!r}.")
    return revive(hint, value)


def _assign(config: Any, path: list[str], text: str, full_name: str) -> Any:
    hints = get_type_hints(type(config))
    known = [field.name for field in fields(config)]
    head, *rest = path
    if head not in known:
        raise UnknownName.among("settings", head, known)
    if rest:
        if not is_dataclass(getattr(config, head)):
            raise BadSetting(f"{full_name}: {head!r} is a plain value and has no parts.")
        return replace(config, **{head: _assign(getattr(config, head), rest, text, full_name)})
    if is_dataclass(hints[head]):
        parts = ", ".join(f"{head}.{field.name}" for field in fields(getattr(config, head)))
        raise BadSetting(f"{full_name} is a group of settings; set one of {parts}.")
    return replace(config, **{head: _fit(hints[head], _read(text, hints[head]), full_name)})


def _read(text: str, hint: Any) -> Any:
    """Return the value of `text` as JSON; the text itself if it does not parse, or if the field holds text.

    Numbers may omit the zero before the point, as in `.5`, which JSON does not.
    """
    try:
        value = json.loads(re.sub(r"^(-?)\.(?=\d)", r"\g<1>0.", text))
    except json.JSONDecodeError:
        return text
    return text if hint is str and not isinstance(value, str) else value


def _fit(hint: Any, value: Any, name: str) -> Any:
    """Convert `value` to the type of `hint`: exact types, integers to floats, lists to tuples, literal choices."""
    form, choices = get_origin(hint), get_args(hint)
    if hint is Any or type(value) is hint:
        return value
    if hint is float and type(value) is int:
        return float(value)
    if form is Literal and any(type(value) is type(choice) and value == choice for choice in choices):
        return value
    if form in (Union, UnionType):
        for choice in choices:
            with suppress(BadSetting):
                return _fit(choice, value, name)
    if form is tuple and isinstance(value, list | tuple):
        kinds = choices[:1] * len(value) if choices[-1] is Ellipsis else choices
        if len(kinds) == len(value):
            return tuple(_fit(kind, item, name) for kind, item in zip(kinds, value, strict=True))
    wanted = f"one of {', '.join(map(str, choices))}" if form is Literal else f"of type {_spelt(hint)}"
    raise BadSetting(f"{name} must be {wanted}; got {value!r}.")


def _spelt(hint: Any) -> str:
    return str(hint.__name__) if isinstance(hint, type) and not get_args(hint) else str(hint)
