"""Writes the items of a collection into a file for other programs, some at a time.

    .parquet    id, image, texts, the columns of metadata, and for each side and space a column SIDE_SPACE_vector of
                lists of a fixed size, null where an item lacks the side; the schema's metadata holds the model
    .csv        id, image, text and the columns of metadata; an item has a row for each text
    .jsonl      an object a line: id, image, texts and the columns of metadata

The last two are manifests: in the folder that holds the pictures, another collection can be filled from them.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from diptych.collection.records import CollectionRecord
from diptych.data.metadata import text_of
from diptych.errors import BadSetting
from diptych.files import written_atomically
from diptych.index.conditions import Columns, Condition, Kind
from diptych.index.contract import Table
from diptych.index.items import Items
from diptych.modality import MODALITIES, Modality
from diptych.progress import Progress
from diptych.retrieval.reduction import SpanReduction

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 2_048
"""How many items are read and written together."""
LABEL = "items exported"
MODEL = b"diptych.model"
"""Where the schema of a Parquet file keeps the model that its vectors come from."""


@dataclass(frozen=True)
class Exported:
    """What is exported: items, and how their vectors are stored."""

    table: Table
    record: CollectionRecord
    reduction: SpanReduction
    where: Condition | None

    def blocks(self, progress: Progress, *, vectors: bool) -> Iterator[Items]:
        """Yield the items in the order of their ids, some at a time."""
        total, done, last = self.table.count(where=self.where), 0, None
        sides = MODALITIES if vectors else ()
        while len(items := self.table.read(where=self.where, after=last, limit=AT_ONCE, vectors=sides)):
            yield items
            done, last = done + len(items), items.ids[-1]
            progress(done, max(total, done), LABEL)

    def whole(self, items: Items, side: Modality) -> dict[str, np.ndarray]:
        """Return the vectors of one side in each space, at their full width."""
        restored = self.reduction.restored(side, items.vectors[side].rows)
        spaces = np.split(restored, np.cumsum(self.record.model.widths)[:-1], axis=1)
        return dict(zip(self.record.model.spaces, spaces, strict=True))


def export_items(exported: Exported, path: Path, *, progress: Progress) -> int:
    """Write items into a file in the form that its suffix names, atomically, and return how many there are."""
    check_exported(path)
    with written_atomically(path) as temporary:
        return _FORMS[path.suffix.lower()](exported, temporary, progress)


def check_exported(path: Path) -> None:
    """Raise `BadSetting` unless a file's suffix is one that items are exported to."""
    if (suffix := path.suffix.lower()) not in _FORMS:
        got = repr(suffix) if suffix else "no suffix"
        raise BadSetting(f"items are exported to .parquet (with vectors), .csv or .jsonl; got {got} in '{path}'.")


def _parquet(exported: Exported, path: Path, progress: Progress) -> int:
    import pyarrow as pa
    from pyarrow import parquet

    columns = exported.table.columns()
    names = _vector_names(exported.record, columns)
    schema = _schema(exported.record, columns, names)
    count = 0
    with closing(parquet.ParquetWriter(path, schema)) as writer:
        for items in exported.blocks(progress, vectors=True):
            values: list[Sequence[Any]] = [items.ids, items.images, items.texts]
            values += [tuple(metadata.get(name) for metadata in items.metadata) for name in columns]
            plain = [pa.array(each, schema.field(k).type) for k, each in enumerate(values)]
            spaces = {side: exported.whole(items, side) for side in MODALITIES}
            lists = [_lists(spaces[side][space], ~items.vectors[side].present) for side, space in names]
            writer.write_table(pa.Table.from_arrays([*plain, *lists], schema=schema))
            count += len(items)
    return count


def _vector_names(record: CollectionRecord, columns: Columns) -> dict[tuple[Modality, str], str]:
    """Return the name of each column of vectors; no column of metadata has it."""
    names = {(side, space): f"{side}_{space}_vector" for side in MODALITIES for space in record.model.spaces}
    while taken := [place for place, name in names.items() if name in columns]:
        names |= {place: f"{names[place]}_" for place in taken}
    return names


def _schema(record: CollectionRecord, columns: Columns, names: Mapping[tuple[Modality, str], str]) -> "pa.Schema":
    import pyarrow as pa

    types: dict[Kind, pa.DataType] = {
        "text": pa.utf8(), "number": pa.float64(), "truth": pa.bool_(), "texts": pa.list_(pa.utf8()),
    }  # fmt: skip
    widths = dict(zip(record.model.spaces, record.model.widths, strict=True))
    plain = [pa.field("id", pa.utf8()), pa.field("image", pa.utf8()), pa.field("texts", pa.list_(pa.utf8()))]
    own = [pa.field(name, types[kind]) for name, kind in columns.items()]
    vectors = [pa.field(name, pa.list_(pa.float32(), widths[space])) for (_, space), name in names.items()]
    return pa.schema([*plain, *own, *vectors], metadata={MODEL: json.dumps(record.model.to_json()).encode()})


def _lists(rows: np.ndarray, missing: np.ndarray) -> "pa.FixedSizeListArray":
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1], mask=pa.array(missing))


def _csv(exported: Exported, path: Path, progress: Progress) -> int:
    columns, count = list(exported.table.columns()), 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "image", "text", *columns])
        for items in exported.blocks(progress, vectors=False):
            for k, identity in enumerate(items.ids):
                metadata = items.metadata[k]
                own = [text_of(metadata[name]) if name in metadata else "" for name in columns]
                for text in items.texts[k] or ("",):
                    writer.writerow([identity, items.images[k] or "", text, *own])
            count += len(items)
    return count


def _jsonl(exported: Exported, path: Path, progress: Progress) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for items in exported.blocks(progress, vectors=False):
            for k, identity in enumerate(items.ids):
                row = {"id": identity, "image": items.images[k], "texts": items.texts[k], **items.metadata[k]}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += len(items)
    return count


_FORMS: Mapping[str, Callable[[Exported, Path, Progress], int]] = {
    ".parquet": _parquet, ".csv": _csv, ".jsonl": _jsonl,
}  # fmt: skip
