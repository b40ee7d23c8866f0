"""From the pairs of a data set to features that methods learn from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from diptych.data.addresses import Picture
from diptych.data.features import Encoded, Features, Parts
from diptych.data.pairs import DataSet
from diptych.data.stored import StoredRows
from diptych.encoders.cache import encode_items, signature
from diptych.encoders.contract import Encoder
from diptych.encoders.given import Given
from diptych.errors import BadSetting, MissingData
from diptych.modality import Modality
from diptych.progress import Progress

FeatureSource = Encoder | Given
"""Where the features of one modality come from: a network, or the data set itself."""


def encode_dataset(
    dataset: DataSet,
    rows: Sequence[int],
    image_encoder: FeatureSource,
    text_encoder: FeatureSource,
    *,
    progress: Progress | None = None,
    join_texts: bool = True,
) -> Features:
    """Return the named pairs, encoded.

    Each text is encoded on its own. With `join_texts` a pair's texts become one item: their words one after
    another, and the mean of their whole vectors. Without, every text is an item and `owner` says whose.
    """
    images = encode_images(dataset, rows, image_encoder, progress=progress)
    texts, owner = encode_texts(dataset, rows, text_encoder, progress=progress, join=join_texts)
    labels = dataset.labels(rows) if dataset.classes else None
    return Features(images, texts, owner, labels, tuple(dataset.pairs[row].id for row in rows))


def encode_images(
    dataset: DataSet, rows: Sequence[int], encoder: FeatureSource, *, progress: Progress | None = None
) -> Encoded:
    """Return the pictures of the named pairs, encoded; `MissingData` says which are not there."""
    if isinstance(encoder, Given):
        return encoder.encode(dataset, rows, "image")
    return encode_items(encoder, pictures_of(dataset, rows, encoder), progress=progress)


def pictures_of(dataset: DataSet, rows: Sequence[int], encoder: Encoder) -> list[Picture]:
    """Return the pictures of the named pairs for an encoder of pictures; `MissingData` says which are not there."""
    _check_modality(encoder, "image")
    pairs = [dataset.pairs[row] for row in rows]
    lacking = [
        pair for pair in pairs if pair.image is None or (isinstance(pair.image, Path) and not pair.image.is_file())
    ]
    if lacking:
        where = lacking[0].image or "no file is named"
        raise MissingData(
            f"{dataset.name}: {len(lacking)} of {len(pairs)} pictures are missing, the first is that of "
            f"{lacking[0].id!r} ({where}). {_remedy(dataset)}"
        )
    return [pair.image for pair in pairs if pair.image]


def encode_texts(
    dataset: DataSet,
    rows: Sequence[int],
    encoder: FeatureSource,
    *,
    progress: Progress | None = None,
    join: bool = True,
) -> tuple[Encoded, Int[np.ndarray, " m"]]:
    """Return the texts of the named pairs, encoded, and the position of the pair that each belongs to."""
    if isinstance(encoder, Given):
        return encoder.encode(dataset, rows, "text"), np.arange(len(rows))
    pairs = texts_of(dataset, rows, encoder)
    owner = np.repeat(np.arange(len(pairs)), [len(texts) for texts in pairs])
    encoded = encode_items(encoder, [text for texts in pairs for text in texts], progress=progress)
    if join and len(owner) > len(pairs):
        return joined_texts(encoded, owner, len(pairs)), np.arange(len(pairs))
    return encoded, owner


def texts_of(dataset: DataSet, rows: Sequence[int], encoder: Encoder) -> list[tuple[str, ...]]:
    """Return the texts of each of the named pairs for an encoder of texts; `MissingData` names a pair without any."""
    _check_modality(encoder, "text")
    pairs = [dataset.pairs[row] for row in rows]
    if silent := [pair.id for pair in pairs if not pair.texts]:
        raise MissingData(f"{dataset.name}: pair {silent[0]!r} has no text; every pair needs one. Leave it out.")
    return [pair.texts for pair in pairs]


def encode_query(encoder: FeatureSource, item: Path | str) -> Encoded:
    """Return one picture (a path) or one text as a query; queries are not cached."""
    if isinstance(encoder, Given):
        raise BadSetting(
            "precomputed vectors (`given`) cannot encode a new query. Train with an encoder of that modality."
        )
    _check_modality(encoder, "text" if isinstance(item, str) else "image")
    return encoded_queries(encoder, [encoder.prepare(item)])


def encoded_queries(encoder: Encoder, prepared: Sequence[Any]) -> Encoded:
    """Return what an encoder has prepared as queries, all of them encoded in one go; queries are not cached."""
    vectors = encoder.encode(prepared)
    parts = [each.parts for each in vectors if each.parts is not None]
    whole = np.stack([each.whole for each in vectors]).astype(np.float32)
    return Encoded(whole, Parts.of(parts) if parts else None, encoder=encoder.name)


def signature_of(encoder: FeatureSource, dataset: DataSet) -> str:
    """Return the name and fingerprint of an encoder, or whose precomputed vectors are taken."""
    return signature(encoder) if isinstance(encoder, Encoder) else encoder.signature(dataset)


def unknown_words(encoder: FeatureSource, texts: Sequence[str]) -> float | None:
    """Return the share of the texts' words that an encoder does not know; None where it knows, or reads, none."""
    return encoder.unknown_share(texts) if isinstance(encoder, Encoder) else None


def _remedy(dataset: DataSet) -> str:
    if "image" in dataset.vectors:
        return "Put the pictures there, or use the vectors that came with the data: --image-encoder given."
    return "Put the pictures there; `diptych data check` lists them all."


def joined_texts(texts: Encoded, owner: Int[np.ndarray, " m"], pairs: int) -> Encoded:
    """Return one item a pair: all its texts' parts in order, the mean of their wholes."""
    counts = np.bincount(owner, minlength=pairs)
    starts = np.concatenate([[0], np.cumsum(counts)])
    if isinstance(texts.whole, StoredRows):
        whole: Float32[np.ndarray, "p d"] | StoredRows = texts.whole.joined(starts)
    else:
        whole = np.add.reduceat(texts.whole, starts[:-1]) / counts[:, None].astype(np.float32)
    parts = texts.parts and replace(texts.parts, first=texts.parts.first[starts])
    return replace(texts, whole=whole, parts=parts)


def _check_modality(encoder: Encoder, modality: Modality) -> None:
    if encoder.modality != modality:
        raise BadSetting(
            f"--{modality}-encoder must name an encoder of {modality}s; {encoder.name} encodes {encoder.modality}s. "
            f"`diptych encode --help` names both kinds."
        )
