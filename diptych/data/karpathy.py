"""Captions and splits in the layout of Karpathy and Fei-Fei, by which retrieval on Flickr30k and COCO is compared.

One JSON file: `images`, each with `filename`, `sentences` (of which `raw` is read) and `split`: train, val, test, or
restval, the pictures of the official validation set that training takes too.

Paper: Karpathy and Fei-Fei, Deep Visual-Semantic Alignments for Generating Image Descriptions, CVPR 2015.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from diptych.data.annotation_files import accepted_captions, load_annotations, other_structure
from diptych.data.findings import FaultError, Finding, Report
from diptych.data.pairs import DataSet, Pair

SPLITS = {"train": "train", "restval": "train", "val": "val", "test": "test"}
"""The split here of each split there."""

Image = Mapping[str, Any]
"""What the file says of one picture."""


def read_karpathy(
    file: Path,
    *,
    name: str,
    source: str,
    picture: Callable[[Image], Path | None],
    categories: Callable[[Image], tuple[str, ...]] = lambda image: (),
    report: Report,
) -> DataSet:
    """Return the pairs of a file, called after their pictures' files; a faulty one is reported and left out.

    `picture` returns where a picture lies, None where it does not, and `source` says where the file comes from.
    """
    pairs: list[Pair] = []
    splits: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    try:
        for number, image in enumerate(load_annotations(file, source=source)["images"]):
            where = f"{file.name}, image {number}"
            captions = [sentence["raw"] for sentence in image["sentences"]]
            called, split = str(image["filename"]), image["split"]
            try:
                if split not in SPLITS:
                    do = f"Use one of {', '.join(SPLITS)}."
                    raise FaultError(Finding("bad line", where, f"the split {split!r} is unknown", do))
                pair = Pair(called, picture(image), accepted_captions(captions, where=where), categories(image))
            except FaultError as fault:
                report(fault.finding)
                continue
            splits[SPLITS[split]].append(len(pairs))
            pairs.append(pair)
    except (KeyError, TypeError) as error:
        raise other_structure(file.name, error) from error
    return DataSet(name, tuple(pairs), {}).with_splits(splits, seed=None)


def in_folder(image: Image, *folders: Path) -> Path | None:
    """Return where a picture lies in the first of some folders that is there; None if none is."""
    folder = next((each for each in folders if each.is_dir()), None)
    return folder and folder / Path(image["filename"]).name
