"""Limits on one request, and on all requests together."""

from dataclasses import dataclass

from diptych.errors import BadSetting


@dataclass(frozen=True)
class Limits:
    """Limits that keep one user from starving the others."""

    upload_bytes: int = 20_000_000
    """Bytes of a request body, counted as they arrive; a stream of items is limited per line instead."""
    line_bytes: int = 30_000_000
    """Bytes of one line in a stream of items."""
    pixels: int = 40_000_000
    """Pixels of a picture, as stated in its header."""
    text_letters: int = 10_000
    """Characters of a query text."""
    unwanted: int = 20
    """Texts that hits must not match (`without`)."""
    hits: int = 200
    """Hits returned by one search."""
    depth: int = 10_000
    """Deepest rank that a search may return."""
    items: int = 1_000
    """Items listed per request."""
    rate: float = 50.0
    """Requests per second for one key, or for one address when no keys are required; 0 for no limit."""
    burst: int = 200
    """Requests that may arrive in a burst before the rate limit applies."""
    in_hand: int = 256
    """Requests in progress at a time; further ones are refused before their bodies are read."""
    large: int = 16
    """Requests in progress whose body exceeds a megabyte or has no declared length."""
    streams: int = 8
    """Concurrent streams of items."""
    waiting: int = 256
    """Requests queued for one encoder or one collection; further ones are refused."""
    together: int = 32
    """Largest batch of requests that are encoded or searched together; 1 disables batching."""
    gather_seconds: float = 0.002
    """How long a request waits for others to form a batch."""
    seconds: float = 30.0
    """Time from a request's arrival to its response, including reading the body."""
    header_seconds: float = 10.0
    """Time within which a connection must send a request header."""
    idle_seconds: float = 60.0
    """How long a stream of items may pause."""
    connections: int = 1_000
    """Concurrent connections."""
    shutdown_seconds: float = 30.0
    """How long a shutdown waits for accepted requests."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0 or (value == 0 and name not in ("rate", "gather_seconds")):
                raise BadSetting(f"the limit {name} must be above 0; got {value}.")
