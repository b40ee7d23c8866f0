"""The facade over data sets: which there are, what they hold, what is wrong with them, and filling the cache."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diptych.cluster import Cluster
from diptych.data import ROOM, fetching
from diptych.data.checking import check_data
from diptych.data.dataset_statistics import describe
from diptych.data.findings import Finding
from diptych.data.pairs import Pair
from diptych.data.sources import open_data, places
from diptych.encoders.passed import EncoderLike
from diptych.entrance import checks_arguments
from diptych.errors import MissingData, UnknownName
from diptych.progress import Progress
from diptych.settings import data_roots

__all__ = ["CatalogueEntry", "EncodingResult", "Finding", "Pair", "check", "encode", "entries", "get", "pair", "stats"]


@dataclass(frozen=True)
class CatalogueEntry:
    """A data set that has a reader."""

    name: str
    title: str
    licence: str
    place: Path | None
    """The folder it lies in; None where it is not there, or needs none."""
    brought: bool
    """Whether it comes in a package, that of the extra `demo`."""
    known_download: bool
    """Whether `get` knows where to find it."""


@dataclass(frozen=True)
class EncodingResult:
    """What filling the cache for a data set came to."""

    data: str
    image_encoder: str
    """Name and fingerprint."""
    text_encoder: str
    pictures: int
    texts: int
    unknown_words: float | None
    """The share of words that the text encoder does not know; None where it knows every word."""
    seconds: float


@checks_arguments
def entries(*, root: str | Path | None = None) -> list[CatalogueEntry]:
    """Return every data set that has a reader, and where it lies."""
    return [
        CatalogueEntry(
            name,
            card.title,
            card.licence,
            next((place for place in places(name, root=root) if place.is_dir()), None),
            brought="folder" not in card.needs,
            known_download=name in fetching.SETS,
        )
        for name, card in sorted(ROOM.cards().items())
    ]


@checks_arguments
def stats(
    data: str | Path,
    *,
    root: str | Path | None = None,
    split_seed: int | None = None,
    columns: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return a data set's counts as plain values."""
    return describe(open_data(data, root=root, split_seed=split_seed, columns=columns, progress=progress))


@checks_arguments
def check(
    data: str | Path,
    *,
    root: str | Path | None = None,
    columns: Sequence[str] = (),
    progress: Progress | None = None,
) -> dict[str, list[Finding]]:
    """Return everything that is wrong with a data set, by kind; empty if nothing is."""
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for finding in check_data(data, root=root, columns=columns, progress=progress):
        kinds[finding.kind].append(finding)
    return dict(kinds)


@checks_arguments
def get(
    name_or_url: str, *, root: str | Path | None = None, sha256: str | None = None, progress: Progress | None = None
) -> Path:
    """Return the folder of a data set after downloading it into `root`, else where data sets are looked for first."""
    return fetching.fetch(name_or_url, into=data_roots(root)[0], sha256=sha256, progress=progress)


@checks_arguments
def pair(data: str | Path, name: str, *, root: str | Path | None = None, columns: Sequence[str] = ()) -> Pair:
    """Return the pair of that id; `UnknownName` offers the nearest."""
    pairs = {each.id: each for each in open_data(data, root=root, columns=columns, draw=False).pairs}
    if name not in pairs:
        raise UnknownName.among(str(data), name, pairs)
    return pairs[name]


@checks_arguments
def encode(
    data: str | Path,
    *,
    image_encoder: EncoderLike,
    text_encoder: EncoderLike,
    settings: Sequence[str] = (),
    root: str | Path | None = None,
    columns: Sequence[str] = (),
    cluster: Cluster | None = None,
    progress: Progress | None = None,
) -> EncodingResult:
    """Encode all pairs of a data set into the cache, here or on a cluster, and return what that came to.

    Settings are those of the encoders: `image_encoder.side=380`.
    """
    from diptych.encoders.contract import Encoder
    from diptych.encoders.encoding import encode_dataset, signature_of, unknown_words
    from diptych.encoders.registry import open_encoders

    images, texts = open_encoders(image_encoder, text_encoder, settings)
    dataset = open_data(data, root=root, columns=columns, draw=False)
    if not dataset.pairs:
        raise MissingData(
            f"{dataset.name} has no pairs to encode. See what is wrong with it: diptych data check {data}."
        )
    start = time.perf_counter()
    if cluster is None:
        encode_dataset(dataset, range(len(dataset.pairs)), images, texts, progress=progress, join_texts=False)
    else:
        from diptych.encoders.spreading import spread_dataset

        spread_dataset(cluster, dataset, (images, texts), settings=settings, progress=progress)
    spoken = [text for each in dataset.pairs for text in each.texts]
    return EncodingResult(
        data=dataset.name,
        image_encoder=signature_of(images, dataset),
        text_encoder=signature_of(texts, dataset),
        pictures=len(dataset.pairs),
        texts=len(spoken) if isinstance(texts, Encoder) else len(dataset.pairs),
        unknown_words=unknown_words(texts, spoken),
        seconds=round(time.perf_counter() - start, 2),
    )
