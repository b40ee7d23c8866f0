"""What a run is: everything that decides its result, as one JSON-able object."""

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from diptych import __version__
from diptych.data.pairs import DataSet
from diptych.encoders.contract import Encoder
from diptych.encoders.given import Given
from diptych.files import digest

PACKAGES = ("torch", "numpy")
"""Packages whose versions are kept with a run, beside diptych's and Python's."""


def data_config(dataset: DataSet, source: str, *, split_seed: int | None) -> dict[str, Any]:
    """Return which data set a run learns from: how it was asked for, and what it held.

    `split_seed` is the one asked for, None for the splits that the data set has of itself.
    """
    return {
        "source": source,
        "name": dataset.name,
        "split_seed": split_seed,
        "fingerprint": fingerprint(dataset),
        "splits": splits_fingerprint(dataset),
    }


def encoders_config(
    encoders: tuple[Encoder | Given, Encoder | Given], *, names: tuple[str, str], settings: Sequence[str]
) -> dict[str, Any]:
    """Return which encoders of pictures and of texts a run reads with, as asked for, and what their weights are.

    Vectors that came with the data have no weights; the data set's own fingerprint covers them.
    """
    sides = zip(("image", "text"), names, encoders, strict=True)
    return {**{m: encoder_config(encoder, name=name) for m, name, encoder in sides}, "settings": list(settings)}


def encoder_config(encoder: Encoder | Given, *, name: str) -> dict[str, Any]:
    """Return which encoder a run reads one modality with: the name that asked for it, and what its weights are."""
    return {"name": name, "fingerprint": None if isinstance(encoder, Given) else encoder.fingerprint}


def run_config(
    method: str,
    preset: str,
    *,
    settings: Mapping[str, Any],
    data: Mapping[str, Any],
    encoders: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """Return the config of a run, with the versions of what computes it."""
    versions = {"diptych": __version__, "python": platform.python_version(), **{p: version(p) for p in PACKAGES}}
    return {
        "method": method,
        "preset": preset,
        "settings": settings,
        "data": data,
        "encoders": encoders,
        "seed": seed,
        "versions": versions,
    }


def differences_of_data(trained: Mapping[str, Any], dataset: DataSet) -> list[str]:
    """Return how a data set differs from that of the same name that a run was trained on."""
    if dataset.name != trained["name"]:
        return []
    told = {
        "the data set has changed since it was trained on": fingerprint(dataset) != trained["fingerprint"],
        "trained under another split: some of these pairs were trained on": splits_fingerprint(dataset)
        != trained["splits"],
    }
    return [note for note, differs in told.items() if differs]


def fingerprint(dataset: DataSet) -> str:
    """Return a digest of a data set's ids, texts, categories and ready-made vectors."""
    pairs = [repr((pair.id, pair.texts, pair.categories)) for pair in dataset.pairs]
    vectors = [part for name in sorted(dataset.vectors) for part in (name, dataset.vectors[name].tobytes())]
    return digest(*pairs, *vectors)


def splits_fingerprint(dataset: DataSet) -> str:
    """Return a digest of which ids are in which split."""
    return digest(*(repr((name, _ids(dataset, rows))) for name, rows in sorted(dataset.splits.items())))


def _ids(dataset: DataSet, rows: Sequence[int]) -> list[str]:
    return sorted(dataset.pairs[row].id for row in rows)
