"""Side information: additional training input of a few methods."""

from dataclasses import replace

from diptych.data.pairs import DataSet
from diptych.encoders.concept_vectors import concepts_of
from diptych.encoders.encoding import FeatureSource, encode_dataset
from diptych.methods.module import MethodConfig, MethodModule, SideInformation
from diptych.progress import Progress


def side_information_of(
    module: MethodModule,
    config: MethodConfig,
    dataset: DataSet,
    encoders: tuple[FeatureSource, FeatureSource],
    *,
    progress: Progress | None,
) -> SideInformation | None:
    """Return the side information that this method needs under this config; None for most.

    Only a `transductive` config receives items of the test split, without their categories.
    """
    if "concepts" in module.CARD.needs:
        return SideInformation(concepts=concepts_of(*encoders))
    if config.transductive:
        features = encode_dataset(dataset, dataset.split("test"), *encoders, progress=progress)
        return SideInformation(unlabelled=replace(features, labels=None))
    return None
