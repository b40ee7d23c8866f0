"""Collections in LanceDB, in a folder: `lance://PATH`, or the path alone."""

from diptych.index.lance.store import open_store
from diptych.rooms import Card

CARD = Card(title="LanceDB, a folder of this machine", licence="Apache-2.0")

__all__ = ["CARD", "open_store"]
