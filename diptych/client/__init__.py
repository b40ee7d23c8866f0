"""A client of the service: what `diptych serve` offers, as Python.

It needs nothing but httpx (`pip install 'diptych[client]'`), neither models nor the store. What the service refuses is
raised as `diptych.errors.Refused`, with the service's own sentence; where it says when to come back, the client does.
"""

from diptych.client.answers import (
    Attribution,
    Explained,
    Hit,
    InSpace,
    Item,
    Likeness,
    Region,
    SearchAnswer,
    Taken,
    Word,
)
from diptych.client.client import Client

__all__ = [
    "Attribution",
    "Client",
    "Explained",
    "Hit",
    "InSpace",
    "Item",
    "Likeness",
    "Region",
    "SearchAnswer",
    "Taken",
    "Word",
]
