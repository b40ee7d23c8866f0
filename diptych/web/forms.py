"""Form fields, derived from the fields of a request class."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal

from fastapi import File, Form, UploadFile

from diptych.request_fields import Option, options_of

FormFields = dict[str, Any]
"""Submitted form values, by field name of the request; a picture as an uploaded file."""


def form_of(kind: type) -> Callable[..., Coroutine[Any, Any, FormFields]]:
    """Return a dependency that reads the fields of a request class from a form."""

    async def sent(**fields: Any) -> FormFields:
        return fields

    parameters = [_parameter(option) for option in options_of(kind)]
    sent.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return sent


def _parameter(option: Option) -> inspect.Parameter:
    """Return the FastAPI parameter for an option."""
    kind: Any = list[str] if option.repeats else option.type
    if option.choices:
        kind = Literal[option.choices] | None
    source = Form(alias=option.wire, description=option.doc, ge=option.minimum, le=option.maximum)
    if option.is_picture:
        kind, source = UploadFile | None, File(description=option.doc)
    default = [] if option.repeats else option.default
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[kind, source], default=default
    )
