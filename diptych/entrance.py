"""What callers pass to public functions: converted to the declared types, or refused in a sentence.

A path is a `str` or a `Path`, a whole number may be one of numpy, one text stands for a list of one text, and a picture
may be a file, its bytes, a picture of Pillow or an array.
"""

import inspect
import io
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache, wraps
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from reprlib import repr as short
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

from diptych.errors import BadImage, BadSetting, MissingExtra
from diptych.progress_shown import in_notebook, notebook_progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    PictureLike = str | Path | bytes | Image | NDArray[np.uint8]
else:
    PictureLike = str | Path | bytes | Any
"""A picture as callers pass it: its file, its bytes, a picture of Pillow, or an array of height x width x 3 bytes."""

Arguments = ParamSpec("Arguments")
Outcome = TypeVar("Outcome")

PROGRESS = "progress"
"""The parameter that takes a callback of progress."""
_SPELT = {
    str: "a text", int: "a whole number", float: "a number", bool: "True or False", Path: "a path", NoneType: "None",
    bytes: "bytes",
}  # fmt: skip
_CONVERTED: dict[Any, tuple[Any, Callable[[Any], Any]]] = {
    int: (Integral, int), float: (Real, float), str: (str, str.__str__), Path: ((str, PathLike), Path)
}  # fmt: skip
"""What is accepted for a type, and how it becomes one."""
_IN_PNG = ("1", "L", "LA", "P", "RGB", "RGBA")
"""Modes of Pillow that a PNG holds as they are."""
_DEEP = ("I", "F")
"""How the modes of deep grey pictures begin, which a TIFF holds as they are."""


def checks_arguments(function: Callable[Arguments, Outcome]) -> Callable[Arguments, Outcome]:
    """Let a function receive its arguments as the types that it declares; `BadSetting` for one of another type.

    In a notebook, one that takes `progress` and was given none shows it.
    """
    signature = inspect.signature(function)
    hints = cache(lambda: get_type_hints(function))

    @wraps(function)
    def checked(*values: Arguments.args, **named: Arguments.kwargs) -> Outcome:
        bound = signature.bind(*values, **named)
        for name, value in bound.arguments.items():
            kind = signature.parameters[name].kind
            if name not in hints() or kind is inspect.Parameter.VAR_KEYWORD:
                continue
            if kind is inspect.Parameter.VAR_POSITIONAL:
                bound.arguments[name] = tuple(fitted(hints()[name], each, name) for each in value)
            else:
                bound.arguments[name] = fitted(hints()[name], value, name)
        if PROGRESS not in signature.parameters or bound.arguments.get(PROGRESS) is not None or not in_notebook():
            return function(*bound.args, **bound.kwargs)
        with notebook_progress() as bound.arguments[PROGRESS]:
            return function(*bound.args, **bound.kwargs)

    return checked


def fit_fields(record: Any) -> None:
    """Convert the fields of a frozen dataclass to their declared types; `BadSetting` for a value of another type."""
    kind: type = type(record)
    hints = _hints(kind)
    for each in fields(record):
        object.__setattr__(record, each.name, fitted(hints[each.name], getattr(record, each.name), each.name))


def fitted(hint: Any, value: Any, name: str) -> Any:
    """Return a value as its declared type; `BadSetting` if it is of another type.

    >>> from pathlib import Path
    >>> fitted(Sequence[str], "blue", "without"), fitted(Path, "a/b.png", "out")
    (('blue',), PosixPath('a/b.png'))
    >>> fitted(int, 1.5, "k")
    Traceback (most recent call last):
    diptych.errors.BadSetting: k must be a whole number; got 1.5.
    """
    try:
        return _as(hint, value)
    except _UnfitError:
        wanted = " or ".join(dict.fromkeys(_spelt(choice) for choice in _choices(hint)))
        raise BadSetting(f"{name} must be {wanted}; got {short(value)}.") from None


def given_picture(image: Any) -> Path | bytes:
    """Return a picture as callers pass it as its file or its bytes.

    `BadSetting` for something else, `BadImage` for a picture of Pillow that cannot be read, `MissingExtra` for an array
    without Pillow.
    """
    if isinstance(image, str | PathLike):
        return Path(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return bytes(image)
    pillow = sys.modules.get("PIL.Image")  # who has a picture of Pillow has imported it
    if pillow is not None and isinstance(image, pillow.Image):
        return _encoded(image)
    shape: Any = getattr(image, "shape", ())
    kind = str(getattr(image, "dtype", ""))
    if len(shape) == 3 and shape[2] == 3 and 0 not in shape and kind == "uint8" and hasattr(image, "tobytes"):
        try:
            from PIL import Image
        except ModuleNotFoundError:
            raise MissingExtra("pictures as arrays need the package pillow. Install it: pip install pillow.") from None
        return _encoded(Image.frombytes("RGB", (shape[1], shape[0]), image.tobytes()))
    got = f"an array of {' x '.join(map(str, shape))}, {kind}" if kind else short(image)
    raise BadSetting(
        "image must be the path of a picture, its bytes, a picture of Pillow or an array of height x width x 3, uint8; "
        f"got {got}."
    )


class _UnfitError(Exception):
    """A value is not of a type."""


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _choices(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _as(hint: Any, value: Any) -> Any:
    """Return a value as one type, or as the first that fits of several."""
    form, choices = get_origin(hint), _choices(hint)
    if len(choices) > 1:
        for choice in choices:
            with suppress(_UnfitError):
                return _as(choice, value)
        raise _UnfitError
    if form in (Sequence, tuple, list):
        return _items(hint, value)
    if form is Literal:  # which of its texts it may be is checked where they mean something
        return _checked(value, tuple({type(choice) for choice in get_args(hint)}))
    if form is not None or not isinstance(hint, type) or hint is Any:
        return value if form is not Callable or callable(value) else _checked(value, ())
    if hint in _CONVERTED:
        accepted, converted = _CONVERTED[hint]
        return converted(_checked(value, accepted, but=bool))
    return _checked(value, hint)


def _items(hint: Any, value: Any) -> tuple[Any, ...]:
    """Return the items of a list; a text stands for a list of one text."""
    inner = next(iter(get_args(hint)), Any)
    several = (value,) if isinstance(value, str) else _checked(value, Iterable, but=(bytes, Mapping))
    return tuple(_as(inner, each) for each in several)


def _checked(value: Any, accepted: Any, *, but: Any = ()) -> Any:
    if not isinstance(value, accepted) or isinstance(value, but):
        raise _UnfitError
    return value


def _spelt(hint: Any) -> str:
    if get_origin(hint) in (Sequence, tuple, list):
        inner = next(iter(get_args(hint)), Any)
        return "a text or a list of texts" if inner is str else f"a list of {getattr(inner, '__name__', 'values')}"
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    return _SPELT.get(hint) or f"a {getattr(hint, '__name__', 'function')}"


def _encoded(image: "Image") -> bytes:
    """Return a picture as the bytes of a PNG, with its orientation; of a TIFF if it is a deep grey one."""
    from PIL import ExifTags
    from PIL.Image import Exif

    exif, written = Exif(), io.BytesIO()
    try:
        if image.mode.startswith(_DEEP):
            image.save(written, "TIFF")
        else:
            exif[ExifTags.Base.Orientation] = image.getexif().get(ExifTags.Base.Orientation, 1)
            kept = image if image.mode in _IN_PNG else image.convert("RGB")
            kept.save(written, "PNG", compress_level=1, exif=exif)
    except Exception as error:  # Pillow's plug-ins meet broken bytes with exceptions of every kind
        raise BadImage(f"the picture cannot be read: {error}. Pass another one.") from error
    return written.getvalue()
