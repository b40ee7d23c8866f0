"""The access log: one line per request on standard error, as plain text or JSON."""

import json
import logging
from datetime import UTC, datetime
from typing import TextIO


class PlainFormatter(logging.Formatter):
    """Plain-text lines for people."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        told = fields_of(record)
        if "route" not in told:
            return super().format(record)
        rest = {name: value for name, value in told.items() if name not in ("method", "route", "status")}
        spelt = " ".join(f"{name}={value}" for name, value in rest.items())
        return f"{told['method']} {told['route']} {told['status']} {spelt}"


class JsonFormatter(logging.Formatter):
    """JSON lines for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {"time": time, "level": record.levelname.lower(), **fields_of(record)}
        if record.exc_info:
            told["trace"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return the fields of a record: those of a request, or else its message."""
    request = getattr(record, "request", None)
    return dict(request) if isinstance(request, dict) else {"message": record.getMessage()}


def log_to(stream: TextIO, *, as_json: bool) -> None:
    """Send the log of the service and of its server to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if as_json else PlainFormatter())
    for name, level in (("diptych.web", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
