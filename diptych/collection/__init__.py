"""Collections that grow and are searched; their vectors lie in a store of `diptych.index`."""

from diptych.collection.collection import Collection
from diptych.collection.embedding import EmbeddedRequest, contents_of
from diptych.collection.location import lies_at
from diptych.collection.model import Model, open_model
from diptych.explaining.explanation import Explanation
from diptych.ingest.fence import marks
from diptych.ingest.handed_over import NewItem
from diptych.ingest.pictures import PIXELS, raster_suffix, readable, thumbnail
from diptych.ingest.rejects import Added, Reject
from diptych.results import Results
from diptych.search_request import SearchRequest

__all__ = [
    "PIXELS", "Added", "Collection", "EmbeddedRequest", "Explanation", "Model", "NewItem", "Reject", "Results",
    "SearchRequest", "contents_of", "lies_at", "marks", "open_model", "raster_suffix", "readable", "thumbnail",
]  # fmt: skip
