"""Collections that grow and are searched; their vectors lie in a store of `diptych.index`."""

from diptych.collection.collection import Collection
from diptych.collection.embedding import EmbeddedRequest, contents_of
from diptych.collection.location import is_collection
from diptych.collection.model import Model, open_model
from diptych.collection.records import CollectionRecord, ModelFingerprint
from diptych.explaining.explanation import Explanation
from diptych.ingest.handed_over import NewItem
from diptych.ingest.kept_pictures import PIXELS, raster_suffix, readable, thumbnail
from diptych.ingest.rejects import Added, Reject
from diptych.results import Results
from diptych.search_request import SearchRequest

__all__ = [
    "PIXELS", "Added", "Collection", "CollectionRecord", "EmbeddedRequest", "Explanation", "Model", "ModelFingerprint",
    "NewItem", "Reject", "Results", "SearchRequest", "contents_of", "is_collection", "open_model", "raster_suffix",
    "readable", "thumbnail",
]  # fmt: skip
