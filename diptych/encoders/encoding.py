"""Encode the pairs of a data set as features for training."""

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
    """Return the features of the given pairs.

    Each text is encoded separately. With `join_texts`, the texts of a pair become one item: their words are
    concatenated and their whole vectors averaged. Otherwise every text is an item and `owner` gives its pair.
    """
    images = encode_images(dataset, rows, image_encoder, progress=progress)
    texts, owner = encode_texts(dataset, rows, text_encoder, progress=progress, join=join_texts)
    labels = dataset.labels(rows) if dataset.classes else None
    return Features(images, texts, owner, labels, tuple(dataset.pairs[row].id for row in rows))


def encode_images(
    dataset: DataSet, rows: Sequence[int], encoder: FeatureSource, *, progress: Progress | None = None
) -> Encoded:
    """Return the features of the given pairs' pictures; raise `MissingData` if pictures are missing."""
    if isinstance(encoder, Given):
        return encoder.encode(dataset, rows, "image")
    return encode_items(encoder, pictures_of(dataset, rows, encoder), progress=progress)


def pictures_of(dataset: DataSet, rows: Sequence[int], encoder: Encoder) -> list[Picture]:
    """Return the pictures of the given pairs for an image encoder; raise `MissingData` if pictures are missing."""
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
    """Return the features of the given pairs' texts, and the index of each text's pair."""
    if isinstance(encoder, Given):
        return encoder.encode(dataset, rows, "text"), np.arange(len(rows))
    pairs = texts_of(dataset, rows, encoder)
    owner = np.repeat(np.arange(len(pairs)), [len(texts) for texts in pairs])
    encoded = encode_items(encoder, [text for texts in pairs for text in texts], progress=progress)
    if join and len(owner) > len(pairs):
        return joined_texts(encoded, owner, len(pairs)), np.arange(len(pairs))
    return encoded, owner


def texts_of(dataset: DataSet, rows: Sequence[int], encoder: Encoder) -> list[tuple[str, ...]]:
    """Return the texts of the given pairs for a text encoder; raise `MissingData` for a pair without texts."""
    _check_modality(encoder, "text")
    pairs = [dataset.pairs[row] for row in rows]
    if silent := [pair.id for pair in pairs if not pair.texts]:
        raise MissingData(f"{dataset.name}: pair {silent[0]!r} has no text; every pair needs one. Leave it out.")
    return [pair.texts for pair in pairs]


def encoded_queries(encoder: Encoder, prepared: Sequence[Any]) -> Encoded:
    """Encode prepared queries as one batch; queries are not cached."""
    vectors = encoder.encode(prepared)
    parts = [each.parts for each in vectors if each.parts is not None]
    whole = np.stack([each.whole for each in vectors]).astype(np.float32)
    return Encoded(whole, Parts.of(parts) if parts else None, encoder=encoder.name)


def signature_of(encoder: FeatureSource, dataset: DataSet) -> str:
    """Return the name and fingerprint of an encoder, or the origin of precomputed vectors."""
    return signature(encoder) if isinstance(encoder, Encoder) else encoder.signature(dataset)


def unknown_words(encoder: FeatureSource, texts: Sequence[str]) -> float | None:
    """Return the share of out-of-vocabulary words in the texts; None if it does not apply."""
    return encoder.unknown_share(texts) if isinstance(encoder, Encoder) else None


def _remedy(dataset: DataSet) -> str:
    if "image" in dataset.vectors:
        return "Put the pictures there, or use the vectors that came with the data: --image-encoder given."
    return "Put the pictures there; `diptych data check` lists them all."


def joined_texts(texts: Encoded, owner: Int[np.ndarray, " m"], pairs: int) -> Encoded:
    """Return one item per pair: the concatenated parts and the mean whole vector of its texts."""
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
