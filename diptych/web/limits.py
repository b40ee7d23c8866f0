"""How much one request, and all of them together, may ask of the service."""

from dataclasses import dataclass

from diptych.errors import BadSetting


@dataclass(frozen=True)
class Limits:
    """Bounds that keep one user from taking the service away from the others."""

    upload_bytes: int = 20_000_000
    """Bytes of a request's body, counted while they arrive; a stream of items has a limit for each line instead."""
    line_bytes: int = 30_000_000
    """Bytes of one line of a stream of items."""
    pixels: int = 40_000_000
    """Pixels of a picture, by its header."""
    text_letters: int = 10_000
    """Letters of a text to search for."""
    unwanted: int = 20
    """Texts that hits should not fit."""
    hits: int = 200
    """Hits of one search."""
    depth: int = 10_000
    """How far down a ranking can be asked for."""
    items: int = 1_000
    """Items listed at a time."""
    rate: float = 50.0
    """Requests a second of one key, or of one address where no keys are asked for; 0 for no limit."""
    burst: int = 200
    """Requests that may come at once before the rate counts."""
    in_hand: int = 256
    """Requests that are worked on at a time; more are sent away before their bodies are read."""
    large: int = 16
    """Requests among them that bring more than a megabyte, or do not say how much."""
    streams: int = 8
    """Streams of items at a time."""
    waiting: int = 256
    """Requests that wait for one encoder or one collection; more are sent away."""
    together: int = 32
    """Requests that are encoded or searched in one go; 1 handles them one by one."""
    gather_seconds: float = 0.002
    """How long a request waits for others to go with."""
    seconds: float = 30.0
    """From a request's arrival to its answer, the body included."""
    header_seconds: float = 10.0
    """Until a connection has sent a request's header."""
    idle_seconds: float = 60.0
    """How long a stream of items may pause."""
    connections: int = 1_000
    """Connections at a time."""
    shutdown_seconds: float = 30.0
    """How long a shutdown waits for what was accepted."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 0 or (value == 0 and name not in ("rate", "gather_seconds")):
                raise BadSetting(f"the limit {name} must be above 0; got {value}.")
