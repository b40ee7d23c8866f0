"""The options of a verb, made from the fields of a request."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from diptych.request_fields import Option, options_of

Verb = TypeVar("Verb", bound=Callable[..., None])


def takes_options_of(kind: type, *, notes: Mapping[str, str]) -> Callable[[Verb], Verb]:
    """Give a verb an option for each field of a request; it receives them under the names of the fields.

    `notes` are sentences that the command line adds to the help of some fields.
    """

    def with_options(verb: Verb) -> Verb:
        own = [each for each in inspect.signature(verb).parameters.values() if each.kind is not each.VAR_KEYWORD]
        places = [each for each in own if each.kind is not each.KEYWORD_ONLY]
        made = [_parameter(option, notes.get(option.name, "")) for option in options_of(kind)]
        whole = [*places, *made, *own[len(places) :]]
        verb.__signature__ = inspect.Signature(whole, return_annotation=None)  # type: ignore[attr-defined]
        verb.__annotations__ = {each.name: each.annotation for each in whole}
        return verb

    return with_options


def _parameter(option: Option, note: str) -> inspect.Parameter:
    """Return an option as typer's parameter."""
    sentences = [option.doc, note, "Repeatable." if option.repeats else ""]
    # a fraction out of its bounds is refused by the request, which says what it is
    whole = option.type is int
    shown = typer.Option(
        option.flag, metavar=option.metavar, help=" ".join(filter(None, sentences)),
        min=option.minimum if whole else None, max=option.maximum if whole else None,
    )  # fmt: skip
    kind = list[str] if option.repeats else Path | None if option.is_picture else option.type
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, shown], default=option.default
    )
