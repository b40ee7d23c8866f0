"""Flickr30k: 31,014 photographs with five captions each, in the splits of Karpathy and Fei-Fei.

Read from `dataset_flickr30k.json` (`diptych.data.karpathy`); the pictures lie in `flickr30k-images/` or `images/`.
29,000 train, 1,014 validate and 1,000 test.

Paper: Young et al., From image descriptions to visual denotations, TACL 2014.
"""

from pathlib import Path

from diptych.data.findings import Report, refuse
from diptych.data.karpathy import in_folder, read_karpathy
from diptych.data.pairs import DataSet
from diptych.rooms import Card

CARD = Card(
    title="31,014 photographs with five captions each",
    paper="Young et al., From image descriptions to visual denotations, TACL",
    year=2014,
    licence="for research; photographs under Flickr's terms",
    needs=("folder",),
    mark="dataset_flickr30k.json",
)

SOURCE = (
    "Its home is https://shannon.cs.illinois.edu/DenotationGraph; dataset_flickr30k.json is at "
    "https://cs.stanford.edu/people/karpathy/deepimagesent."
)


def read(root: Path, *, report: Report = refuse) -> DataSet:
    """Return the pairs that `dataset_flickr30k.json` lists."""
    folders = (root / "flickr30k-images", root / "images")
    return read_karpathy(
        root / "dataset_flickr30k.json",
        name="flickr30k",
        source=SOURCE,
        picture=lambda image: in_folder(image, *folders),
        report=report,
    )
