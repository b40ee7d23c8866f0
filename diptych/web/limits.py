"""Limits on one request, and on all requests together."""

from dataclasses import dataclass
from math import ceil

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
    explanations: int = 8
    """Explanations in progress, those that wait for a thread included."""
    explainers: int = 2
    """Threads that compute explanations, and nothing else."""
    share: float = 0.5
    """Share of `in_hand`, `large`, `streams` and `explanations` that one key may take.

    When no keys are required, each address other than a loopback address has such a share.
    """
    waiting: int = 256
    """Requests queued for one encoder or one collection; further ones are refused."""
    together: int = 32
    """Largest batch of requests that are encoded or searched together; 1 disables batching."""
    gather_seconds: float = 0.002
    """How long a request waits for others to form a batch."""
    seconds: float = 30.0
    """Time from a request's arrival to its response, including reading the body."""
    pause_seconds: float = 10.0
    """How long the body of a request may pause; a stream of items may pause for longer."""
    picture_seconds: float = 10.0
    """How long a request waits for the decoding of its picture."""
    header_seconds: float = 10.0
    """Time within which a connection must send a request header."""
    header_bytes: int = 32_000
    """Bytes of a request header, its method and its path included."""
    idle_seconds: float = 60.0
    """How long a stream of items may pause or send one line, and how long a client may pause in reading an answer."""
    stream_seconds: float = 3_600.0
    """How long a stream of items may last."""
    linger_seconds: float = 2.0
    """How long the rest of a refused body is thrown away, so that its sender reads the answer; then it is cut off."""
    connections: int = 1_000
    """Concurrent connections; half of them may wait for a request header, and further ones replace the oldest."""
    shutdown_seconds: float = 30.0
    """Time from a signal to the end of the process; accepted requests have most of it to finish."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0 or (value == 0 and name not in ("rate", "gather_seconds")):
                raise BadSetting(f"the limit {name} must be above 0; got {value}.")
        if self.share > 1:
            raise BadSetting(f"the limit share must be at most 1; got {self.share}.")

    def each(self, kind: str) -> int:
        """Return how many places of a kind (`in_hand`, `large`, `streams`, `explanations`) one user may take.

        >>> Limits(large=16, streams=1).each("large"), Limits(streams=1).each("streams")
        (8, 1)
        """
        places: int = getattr(self, kind)
        return ceil(self.share * places)
