"""Pascal Sentence: 1,000 photographs of 20 categories with five sentences each.

Read from `pairs.jsonl` (`id, image, texts, category, split`) beside the folder `images`. The split of the file has
40 pairs of each category in train, 5 in val and 5 in test; no official list is public.

Paper: Rashtchian et al., Collecting Image Annotations Using Amazon's Mechanical Turk, NAACL 2010 workshops.
"""

from pathlib import Path

from diptych.data.findings import Report, refuse
from diptych.data.manifest import read_manifest
from diptych.data.pairs import DataSet
from diptych.rooms import Card

CARD = Card(
    title="1,000 photographs with five sentences each, 20 categories",
    paper="Rashtchian et al., Collecting Image Annotations Using Amazon's Mechanical Turk, NAACL workshops",
    year=2010,
    licence="photographs under Flickr's terms, for research",
    needs=("folder",),
    mark="pairs.jsonl",
)

SOURCE = "Its home is https://vision.cs.uiuc.edu/pascal-sentences."


def read(root: Path, *, report: Report = refuse) -> DataSet:
    """Return the pairs that the folder's `pairs.jsonl` lists."""
    return read_manifest(root / "pairs.jsonl", name="pascal-sentence", report=report)
