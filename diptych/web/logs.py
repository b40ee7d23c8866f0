"""The access log: one line per request on standard error, as plain text or JSON."""

import json
import logging
import re
from datetime import UTC, datetime
from typing import TextIO

LONGEST_FIELD = 1_000
"""Characters of one field in the log; fields may repeat what a client sent."""
PLAIN = re.compile(r"[^\s\"'=\\]+")
"""What needs no quotes in a plain line."""


class PlainFormatter(logging.Formatter):
    """Plain-text lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        told = fields_of(record)
        if "route" not in told:
            trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
            return escaped(str(told["message"])) + trace
        rest = {name: value for name, value in told.items() if name not in ("method", "route", "status")}
        spelt = " ".join(f"{name}={_spelt(value)}" for name, value in rest.items())
        return f"{told['method']} {told['route']} {told['status']} {spelt}"


class JsonFormatter(logging.Formatter):
    """JSON lines for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {"time": time, "level": record.levelname.lower(), **fields_of(record)}
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False).encode(errors="backslashreplace").decode()


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields of a record, with shortened texts: those of a request, or else its message."""
    request = getattr(record, "request", None)
    fields = dict(request) if isinstance(request, dict) else {"message": record.getMessage()}
    return {name: _shortened(value) for name, value in fields.items()}


def escaped(text: str) -> str:
    """Return a text on one line, with escapes for characters that are not printable.

    >>> print(escaped("a line" + chr(10) + "and a tab" + chr(9)).replace(chr(92), "/"))
    a line/nand a tab/t
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _spelt(value: object) -> str:
    """Return a value for a plain line: one that could be taken for several fields stands in quotes."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    plain = isinstance(value, int | float) or (PLAIN.fullmatch(text) and text.isprintable())
    return text if plain else escaped(json.dumps(text, ensure_ascii=False))


def _shortened(value: object) -> object:
    """Return a value whose spelling has a bounded length; a longer one is replaced by the beginning of its spelling."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return value if len(text) <= LONGEST_FIELD else text[:LONGEST_FIELD] + "…"


def log_to(stream: TextIO, *, as_json: bool) -> None:
    """Send the log of the service and of its server to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if as_json else PlainFormatter())
    for name, level in (("diptych.web", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
