"""Collections in Milvus: `milvus://HOST:PORT#NAME`, or `milvus:///PATH/FILE.db#NAME` in a file of milvus-lite."""

from diptych.index.milvus.store import open_store
from diptych.rooms import Card

CARD = Card(title="Milvus, a server for what outgrows one machine", licence="Apache-2.0", needs=("milvus",))

__all__ = ["CARD", "open_store"]
