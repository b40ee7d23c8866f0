"""The fields of a request as options: what command line, service, client and page make theirs from.

A field's name, type, default and docstring say most. Its metadata says the rest, by the names of `Option`'s fields.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache, wraps
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, get_args, get_origin, get_type_hints, overload

from diptych.settings import field_docs

Fields = ParamSpec("Fields")
Request = TypeVar("Request")
Owner = TypeVar("Owner")
First = TypeVar("First")
Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Option:
    """One field of a request, as it is offered."""

    name: str
    """In Python."""
    type: Any
    default: Any
    doc: str
    wire: str
    """Its name over HTTP, in the page's address and, behind dashes, on the command line."""
    metavar: str | None = None
    """What stands for its value in the help of the command line."""
    minimum: int | float | None = None
    maximum: int | float | None = None
    choices: tuple[str, ...] = ()
    """The values it may have; any by default."""

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return f"-{self.wire}" if len(self.wire) == 1 else f"--{self.wire.replace('_', '-')}"

    @property
    def repeats(self) -> bool:
        """Whether it may be given several times."""
        return get_origin(self.type) is Sequence

    @property
    def is_picture(self) -> bool:
        """Whether it is a picture, which is sent as a file."""
        return Path in get_args(self.type)


@cache
def options_of(kind: type) -> tuple[Option, ...]:
    """Return the fields of a class of requests as options."""
    docs, types = field_docs(kind), get_type_hints(kind)
    return tuple(
        Option(
            name=each.name, type=types[each.name], default=each.default, doc=docs[each.name],
            **{"wire": each.name, **each.metadata},
        )
        for each in fields(kind)
    )  # fmt: skip


class takes_fields_of(Generic[Fields, Request]):  # noqa: N801 - it is written as a decorator
    """Let a method whose last argument is a request be called with the request's fields instead.

    Its signature and its docstring list them.
    """

    def __init__(self, kind: Callable[Fields, Request]) -> None:
        self._kind: Any = kind

    @overload
    def __call__(self, method: Callable[[Owner, Request], Answer]) -> Callable[Concatenate[Owner, Fields], Answer]: ...

    @overload
    def __call__(
        self, method: Callable[[Owner, First, Request], Answer]
    ) -> Callable[Concatenate[Owner, First, Fields], Answer]: ...

    def __call__(self, method: Any) -> Any:
        """Return the method that takes fields."""
        *leading, last = inspect.signature(method).parameters.values()

        @wraps(method)
        def taking(*values: Any, **named: Any) -> Any:
            own = {}
            for each in leading[len(values) :]:
                if each.name in named:
                    own[each.name] = named.pop(each.name)
            request = self._kind(*values[len(leading) :], **named)
            return method(*values[: len(leading)], **own, **{last.name: request})

        whole = inspect.signature(method)
        listed = [*leading, *inspect.signature(self._kind).parameters.values()]
        taking.__signature__ = whole.replace(parameters=listed)  # type: ignore[attr-defined]
        docs = [f"{option.name}: {option.doc}" for option in options_of(self._kind)]
        taking.__doc__ = "\n".join([inspect.cleandoc(method.__doc__ or ""), "", *docs])
        return taking
