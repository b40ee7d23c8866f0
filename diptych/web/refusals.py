"""HTTP error responses: one shape for every error, with the same sentence as on the command line.

{"error": {"code": "bad_text", "message": "the text to search for is empty. Write a few words.",
           "hint": "Write a few words."}}
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from starlette.responses import JSONResponse

from diptych.errors import (
    BadCheckpoint,
    BadData,
    BadSetting,
    DiptychError,
    MissingData,
    Refused,
    ShapeMismatch,
    StoreFailed,
    UnknownName,
)

LOG = logging.getLogger("diptych.web")
STATUS: dict[type[DiptychError], int] = {
    MissingData: 404,
    BadData: 422,
    BadSetting: 422,
    UnknownName: 422,
    ShapeMismatch: 422,
    BadCheckpoint: 503,
    StoreFailed: 503,
}
"""Status and code by error class, first match wins; any other error is a fault of the service."""
WAIT = 5
"""Seconds before a store is retried."""
TITLES = {
    400: "bad_request", 401: "no_key", 403: "forbidden", 404: "not_found", 405: "not_allowed", 408: "too_slow",
    413: "too_large", 415: "wrong_type", 421: "wrong_host", 422: "invalid", 429: "too_many", 431: "too_large",
    499: "gone", 500: "internal", 503: "busy",
}  # fmt: skip
LONGEST_MESSAGE = 2_000
"""Characters of a message; it may repeat what a client sent."""
HIDDEN = "(a place on the server)"
"""Stands for a path or URI in the messages that clients receive."""
_PLACE = r"(?:~?/|[a-z][a-z0-9+.-]*://)"
_QUOTED_PLACE = re.compile(rf"(?<!\bitem )'({_PLACE}[^\n]*?)'(?=[\s.,:;)]|$)")
_BARE_PLACE = re.compile(rf"(?<![\w.'\"<>/:-]){_PLACE}[^\s'\",;()]*[^\s'\",;().:]")


class Fault(BaseModel):
    """The reason for an error response."""

    code: str
    """A code for programs."""
    message: str
    """A sentence for people."""
    hint: str | None
    """What to do about it."""


class Refusal(BaseModel):
    """The body of every error response."""

    error: Fault


def refuse(status: int, message: str, *, code: str | None = None, retry_after: int | None = None) -> Refused:
    """Return an error with an HTTP status, and the status's default code unless another is given."""
    return Refused(status, message, code=code or TITLES.get(status, "refused"), retry_after=retry_after)


def headers_of(error: Refused) -> dict[str, str]:
    """Return the headers of an error response."""
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return headers | ({"WWW-Authenticate": "Bearer"} if error.status == 401 else {})


def answer(error: Refused) -> JSONResponse:
    """Return an error as a response."""
    return JSONResponse(body_of(error), error.status, headers_of(error))


def refused(error: DiptychError, places: Mapping[str, str] | None = None) -> Refused:
    """Return an error with its HTTP status; the log keeps the message if clients receive it without its paths.

    `places` names what the service keeps at a path or URI.

    >>> refused(MissingData("the collection has no item 'a'.")).status
    404
    """
    if isinstance(error, Refused):
        return error
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)
    code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(error).__name__).lower()
    message = without_place(str(error), places)
    if message != str(error):
        LOG.warning("%s", error)
    return refuse(status, message, code=code, retry_after=WAIT if status == 503 else None)


def without_place(message: str, places: Mapping[str, str] | None = None) -> str:
    """Return a message without paths and URIs of the server; `places` names those that clients know by a name.

    >>> without_place("picture '/tmp/a.png' cannot be decoded: it is cut. Replace the file, or leave the pair out.")
    'the picture cannot be decoded: it is cut. Send another one.'
    >>> without_place("the collection at /srv/my/shop was removed.", {"/srv/my/shop": "shop"})
    'the collection at shop was removed.'
    >>> without_place("'/srv/my/shop/record.json' cannot be read: [Errno 5]. Restore it from a backup.")
    '(a place on the server) cannot be read: [Errno 5]. Restore it from a backup.'
    """
    known = places or {}
    told = re.sub(r"^picture '.+?' (?=cannot|does not|has|is|takes|was)", "the picture ", message, flags=re.DOTALL)
    told = re.sub(r": cannot identify image file .+?(?=\. )", "", told, flags=re.DOTALL)
    told = told.replace("Replace the file, or leave the pair out.", "Send another one.")
    told = _QUOTED_PLACE.sub(lambda found: known.get(found[1], HIDDEN), told)
    told = _BARE_PLACE.sub(lambda found: known.get(found[0], HIDDEN), told)
    for place in sorted((each for each in known if "/" in each), key=len, reverse=True):
        told = told.replace(place, known[place])
    return told


def body_of(error: Refused) -> dict[str, Any]:
    """Return the body of an error response."""
    message = str(error).encode(errors="backslashreplace").decode()
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + "…"
    return Refusal(error=Fault(code=error.code, message=message, hint=hint_of(message))).model_dump()


def hint_of(message: str) -> str | None:
    """Return the advice in a message: its last sentence, if it has several.

    >>> hint_of("the text to search for is empty. Write a few words.")
    'Write a few words.'
    """
    sentences = re.split(r"(?<=[.!?)]) (?=[A-Z])", message)
    return sentences[-1] if len(sentences) > 1 else None


RESPONSES: Mapping[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": description}
    for status, description in {
        401: "The key is missing or unknown",
        403: "The key lacks the scope, or the request comes from another site",
        404: "Not found",
        408: "The request arrived too slowly",
        413: "The body is too large",
        415: "The body has an unsupported type",
        422: "The request is invalid",
        429: "Too many requests; Retry-After says when to retry",
        503: "The service is overloaded; Retry-After says when to retry",
    }.items()
}
"""Error responses of every route, for its OpenAPI description."""
