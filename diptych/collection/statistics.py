"""The statistics of a collection."""

from typing import Any

from diptych.collection.records import CollectionRecord
from diptych.index.contract import Table
from diptych.modality import MODALITIES


def statistics(record: CollectionRecord, table: Table) -> dict[str, Any]:
    """Return the counts of a table, how it is searched and its size on disk."""
    count, size = table.count(), table.bytes()
    return {
        "items": count,
        "images": table.count(side="image"),
        "texts": table.count(side="text"),
        "columns": dict(table.columns()),
        "model": record.model.to_json(),
        "stored": dict(table.layout.widths),
        "half": record.half,
        "bytes": size,
        "bytes_per_item": round(size / count) if count else None,
        "search": {side: str(record.promise.plan(table, side)) for side in MODALITIES},
    }
