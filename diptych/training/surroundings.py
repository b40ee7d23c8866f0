"""What a few methods learn from beside training pairs."""

from dataclasses import replace
from types import ModuleType
from typing import Any

from diptych.data.pairs import DataSet
from diptych.encoders.concepts import concepts_of
from diptych.encoders.encoding import FeatureSource, encode_dataset
from diptych.methods.contract import Surroundings
from diptych.progress import Progress


def surroundings_of(
    module: ModuleType,
    config: Any,
    dataset: DataSet,
    encoders: tuple[FeatureSource, FeatureSource],
    *,
    progress: Progress | None,
) -> Surroundings:
    """Return what this method, under this config, learns from beside training pairs.

    Only a `transductive` config is given items of the test split, and these without their categories.
    """
    concepts = concepts_of(*encoders) if "concepts" in module.CARD.needs else None
    unlabelled = None
    if getattr(config, "transductive", False):
        features = encode_dataset(dataset, dataset.split("test"), *encoders, progress=progress)
        unlabelled = replace(features, labels=None)
    return Surroundings(concepts, unlabelled)
