"""From entries to items with vectors: read, encode, embed; faulty entries are set aside with their reasons."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32
from typing_extensions import override

from diptych.data.addresses import Address, picture_digest
from diptych.data.entries import Entry
from diptych.data.features import Encoded
from diptych.data.texts import lone_surrogate
from diptych.encoders.cache import ItemContent
from diptych.encoders.contract import Encoder
from diptych.encoders.encoding import joined_texts
from diptych.errors import BadText, DiptychError
from diptych.files import digest
from diptych.index.items import Items, ItemVectors
from diptych.ingest.sifting import Sifted, Sifter
from diptych.modality import MODALITIES, Modality
from diptych.settings import thread_count


@runtime_checkable
class ItemModel(Protocol):
    """The model that embeds the items of a collection."""

    def encoder(self, side: Modality) -> Encoder:
        """Return the encoder of a side."""
        ...

    def stored_width(self, side: Modality) -> int:
        """Return how many numbers a stored vector of a side has."""
        ...

    def stored(self, side: Modality, encoded: Encoded) -> Float32[np.ndarray, "n d"]:
        """Return the vectors of encoded pictures or texts as a table keeps them."""
        ...


class ReadEntry(NamedTuple):
    """An entry with the digests of its contents."""

    entry: Entry
    picture: str
    """The digest of the picture's bytes; empty without a picture."""
    content: str
    """The `ItemDigest` of everything that makes up the item, its path and metadata included."""


class EmbeddedEntries(NamedTuple):
    """The items of some entries, and the faults of the others."""

    items: Items
    faults: dict[int, str]
    """Why an entry could not be embedded, by position."""


def read_contents(entries: Sequence[Entry]) -> tuple[list[ReadEntry], dict[int, str]]:
    """Return the readable entries with their digests, and by position why the others cannot be read."""
    with ThreadPoolExecutor(thread_count()) as pool:
        attempts = list(pool.map(_read, entries))
    faults = {k: str(error) for k, error in enumerate(attempts) if not isinstance(error, ReadEntry)}
    return [read for read in attempts if isinstance(read, ReadEntry)], faults


class EntryEmbedder:
    """Embeds entries with one model."""

    def __init__(self, model: ItemModel) -> None:
        self.model = model
        self._sifters: dict[Modality, Sifter] = {}

    def embed(self, reads: Sequence[ReadEntry]) -> EmbeddedEntries:
        """Return the items of these entries; one faulty side excludes the whole entry."""
        pictures = [k for k, read in enumerate(reads) if read.entry.image is not None]
        texts = [k for k, read in enumerate(reads) if read.entry.texts]
        images, faults = self._encode_pictures([reads[k] for k in pictures])
        joined, more = self._encode_texts([reads[k] for k in texts])
        reasons = {pictures[k]: reason for k, reason in faults.items()} | {texts[k]: r for k, r in more.items()}
        kept = [k for k in range(len(reads)) if k not in reasons]
        positions: Mapping[Modality, dict[int, int]] = {
            "image": {k: row for row, k in enumerate(k for j, k in enumerate(pictures) if j not in faults)},
            "text": {k: row for row, k in enumerate(k for j, k in enumerate(texts) if j not in more)},
        }
        encoded: Mapping[Modality, Encoded | None] = {"image": images, "text": joined}
        vectors = {side: _spread(self._stored(side, encoded[side]), positions[side], kept) for side in MODALITIES}
        return EmbeddedEntries(_items([reads[k] for k in kept], vectors), reasons)

    def _stored(self, side: Modality, encoded: Encoded | None) -> Float32[np.ndarray, "n d"]:
        if encoded is None:
            return np.zeros((0, self.model.stored_width(side)), dtype=np.float32)
        return self.model.stored(side, encoded)

    def _sifted(self, side: Modality, items: Sequence[tuple[str, ItemContent]]) -> Sifted:
        """Encode items of a side; the encoder is opened with the first of them."""
        if not items:
            return Sifted(None, [], {})
        if side not in self._sifters:
            self._sifters[side] = Sifter(self.model.encoder(side))
        return self._sifters[side].encode(items)

    def _encode_pictures(self, reads: Sequence[ReadEntry]) -> tuple[Encoded | None, dict[int, str]]:
        sifted = self._sifted("image", [(r.picture, r.entry.image) for r in reads if r.entry.image])
        return sifted.encoded, sifted.faults

    def _encode_texts(self, reads: Sequence[ReadEntry]) -> tuple[Encoded | None, dict[int, str]]:
        """Encode the texts of each item as one, as for a pair; an item is faulty if one of its texts is."""
        texts = [(k, text) for k, read in enumerate(reads) for text in read.entry.texts]
        sifted = self._sifted("text", [(digest(text), text) for _, text in texts])
        faults = {texts[position][0]: reason for position, reason in sifted.faults.items()}
        rows = [row for row, position in enumerate(sifted.kept) if texts[position][0] not in faults]
        owners = np.array([texts[sifted.kept[row]][0] for row in rows], dtype=np.int64)
        if sifted.encoded is None or not len(owners):
            return None, faults
        order = np.unique(owners, return_inverse=True)[1]
        return joined_texts(sifted.encoded.take(rows), order, int(order.max()) + 1), faults


def _read(entry: Entry) -> ReadEntry | Exception:
    """Return an entry with its digests, or why it cannot be read; a remote picture is loaded into memory."""
    try:
        _check_text(entry)
        if isinstance(entry.image, Address):
            entry = replace(entry, image=entry.image.at_hand())
        picture = picture_digest(entry.image) if entry.image else ""
    except (OSError, DiptychError) as error:
        return error
    return ReadEntry(entry, picture, ItemDigest.of(entry, picture))


class ItemDigest(str):
    """A digest of everything that makes up an item, and after a space the path of its picture, which may change.

    It is equal to the digest that older collections keep of the same item, whose path is a part of what is digested.
    """

    older: str

    @classmethod
    def of(cls, entry: Entry, picture: str) -> "ItemDigest":
        """Return the digest of an entry whose picture has this digest."""
        parts = (picture, entry.texts, sorted(entry.metadata.items()))
        made = cls(_digest_of(parts) + ("" if entry.image is None else f" {entry.image}"))
        made.older = _digest_of((str(entry.image), *parts))
        return made

    @override
    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) is True or other == self.older

    @override
    def __ne__(self, other: object) -> bool:
        return not self == other

    @override
    def __hash__(self) -> int:
        return str.__hash__(self)


def _digest_of(parts: tuple[Any, ...]) -> str:
    return digest(repr(parts).encode("utf-8", "surrogatepass"))


def with_path(content: str, changed: Callable[[str], str]) -> str:
    """Return an item's content with the path of its picture changed; older contents hold none, and stay.

    >>> with_path("3f9a /photos/1.jpg", str.upper), with_path("3f9a", str.upper)
    ('3f9a /PHOTOS/1.JPG', '3f9a')
    """
    mark, space, path = content.partition(" ")
    return f"{mark}{space}{changed(path)}" if space else str(content)


def _check_text(entry: Entry) -> None:
    """Raise `BadText` if no store could keep something about an item as UTF-8."""
    texts = [entry.id, str(entry.image or ""), *entry.texts]
    texts += [text for value in entry.metadata.values() if isinstance(value, str | tuple) for text in _texts_of(value)]
    if lone := next(filter(None, map(lone_surrogate, texts)), ""):
        raise BadText(f"its id, its path or a column holds the lone surrogate {lone}. Write it again in UTF-8.")


def _texts_of(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _spread(rows: np.ndarray, positions: Mapping[int, int], kept: Sequence[int]) -> ItemVectors:
    """Return one row per kept entry: its vector, or zero if the entry lacks the side."""
    present = np.array([k in positions for k in kept], dtype=bool)
    spread = np.zeros((len(kept), rows.shape[1]), dtype=np.float32)
    spread[present] = rows[[positions[k] for k in kept if k in positions]]
    return ItemVectors(spread, present)


def _items(reads: Sequence[ReadEntry], vectors: Mapping[Modality, ItemVectors]) -> Items:
    return Items(
        tuple(read.entry.id for read in reads),
        tuple(read.content for read in reads),
        tuple(None if read.entry.image is None else str(read.entry.image) for read in reads),
        tuple(read.entry.texts for read in reads),
        tuple(read.entry.metadata for read in reads),
        vectors,
    )
