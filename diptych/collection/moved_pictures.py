"""Tells a collection where its pictures were moved to; nothing is encoded anew."""

from dataclasses import replace

from diptych.data.addresses import picture_at, picture_digest
from diptych.data.entries import Entry
from diptych.errors import BadData
from diptych.index.contract import Table
from diptych.index.items import Items
from diptych.ingest.item_embedding import ItemDigest, with_path
from diptych.modality import MODALITIES

AT_ONCE = 1_000
"""How many items are read, and written again with their vectors, together."""


def rewrite_paths(table: Table, old: str, new: str) -> int:
    """Write the new place of every picture at or below `old`, and return how many there are.

    Vectors, texts and metadata stay as they are. An item that another process changes at the same moment may be written
    again as it was before: let nobody else write meanwhile.
    """
    ids, moved = table.ids(side="image"), 0
    for start in range(0, len(ids), AT_ONCE):
        there = table.read(ids[start : start + AT_ONCE])
        chosen = [each for each, path in zip(there.ids, there.images, strict=True) if path and _moves(path, old)]
        if chosen:
            table.write(_rewritten(table.read(chosen, vectors=MODALITIES), old, new))
        moved += len(chosen)
    return moved


def _moves(path: str, old: str) -> bool:
    """Return whether a path is `old`, lies below it, or is a piece of it if that is a file."""
    return path == old or path.startswith((f"{old}/", f"{old}#"))


def _rewritten(items: Items, old: str, new: str) -> Items:
    def changed(path: str) -> str:
        return new + path.removeprefix(old) if _moves(path, old) else path

    images = tuple(path and changed(path) for path in items.images)
    contents = (with_path(content, changed) for content in items.contents)
    fresh = tuple(_content_of(items, k, content, images[k]) for k, content in enumerate(contents))
    return replace(items, images=images, contents=fresh)


def _content_of(items: Items, k: int, content: str, image: str | None) -> str:
    """Return the content of an item with its new path.

    That of an older collection does not tell the path; it is made again if the picture is still what it was made of.
    """
    was = items.images[k]
    if " " in content or image is None or was is None:
        return content
    entry = Entry(items.ids[k], picture_at(image), items.texts[k], "", items.metadata[k])
    try:
        picture = picture_digest(picture_at(image))
    except (OSError, BadData):
        return content
    same = ItemDigest.of(replace(entry, image=picture_at(was)), picture) == content
    return ItemDigest.of(entry, picture) if same else content
