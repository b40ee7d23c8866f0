"""Collections that grow and are searched; their vectors lie in a store of `diptych.index`."""

from diptych.collection.collection import Collection
from diptych.collection.places import lies_at
from diptych.collection.rejects import Added, Reject

__all__ = ["Added", "Collection", "Reject", "lies_at"]
