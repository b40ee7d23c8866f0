"""Collections that grow and are searched; their vectors lie in a store of `diptych.index`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diptych.collection.classifying import Classification
    from diptych.collection.clustering_items import ItemClusters
    from diptych.collection.collection import Collection
    from diptych.collection.duplicates import Duplicates
    from diptych.collection.location import is_collection
    from diptych.collection.mapping_items import CollectionMap
    from diptych.collection.model import fingerprint_of, open_model
    from diptych.collection.records import CollectionRecord, ModelFingerprint
    from diptych.collection.stored_collection import StoredCollection
    from diptych.data.apart import decoded_apart
    from diptych.explaining.explanation import Explanation
    from diptych.index.items import Items
    from diptych.ingest.handed_over import NewItem
    from diptych.ingest.kept_pictures import PIXELS, raster_suffix, readable, thumbnail
    from diptych.ingest.rejects import Added, Reject
    from diptych.results import Hit, Results
    from diptych.retrieval.embedding_model import EmbeddingModel
    from diptych.retrieval.requests import EmbeddedRequest, contents_of
    from diptych.search_request import SearchRequest

_HOMES = {
    "diptych.collection.classifying": ("Classification",),
    "diptych.collection.clustering_items": ("ItemClusters",),
    "diptych.collection.collection": ("Collection",),
    "diptych.collection.duplicates": ("Duplicates",),
    "diptych.collection.location": ("is_collection",),
    "diptych.collection.mapping_items": ("CollectionMap",),
    "diptych.collection.model": ("fingerprint_of", "open_model"),
    "diptych.collection.records": ("CollectionRecord", "ModelFingerprint"),
    "diptych.collection.stored_collection": ("StoredCollection",),
    "diptych.data.apart": ("decoded_apart",),
    "diptych.explaining.explanation": ("Explanation",),
    "diptych.index.items": ("Items",),
    "diptych.ingest.handed_over": ("NewItem",),
    "diptych.ingest.kept_pictures": ("PIXELS", "raster_suffix", "readable", "thumbnail"),
    "diptych.ingest.rejects": ("Added", "Reject"),
    "diptych.results": ("Hit", "Results"),
    "diptych.retrieval.embedding_model": ("EmbeddingModel",),
    "diptych.retrieval.requests": ("EmbeddedRequest", "contents_of"),
    "diptych.search_request": ("SearchRequest",),
}

__all__ = [
    "PIXELS",
    "Added",
    "Classification",
    "Collection",
    "CollectionMap",
    "CollectionRecord",
    "Duplicates",
    "EmbeddedRequest",
    "EmbeddingModel",
    "Explanation",
    "Hit",
    "ItemClusters",
    "Items",
    "ModelFingerprint",
    "NewItem",
    "Reject",
    "Results",
    "SearchRequest",
    "StoredCollection",
    "contents_of",
    "decoded_apart",
    "fingerprint_of",
    "is_collection",
    "open_model",
    "raster_suffix",
    "readable",
    "thumbnail",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import each name of the package on first use, so that listing a collection loads no network."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'diptych.collection' has no attribute {name!r}")
