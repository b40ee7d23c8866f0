"""RSICD: 10,921 aerial pictures of 31 scenes with five sentences each.

Read from `pairs.jsonl` (`id, image, texts, category, split`) beside the folder `images`, with the official split
8,734/1,094/1,093.

Paper: Lu et al., Exploring Models and Data for Remote Sensing Image Caption Generation, TGRS 2018.
"""

from pathlib import Path

from diptych.data.findings import Report, refuse
from diptych.data.manifest import read_manifest
from diptych.data.pairs import DataSet
from diptych.rooms import Card

CARD = Card(
    title="10,921 aerial pictures with five sentences each, 31 scenes",
    paper="Lu et al., Exploring Models and Data for Remote Sensing Image Caption Generation, TGRS",
    year=2018,
    licence="for research",
    needs=("folder",),
    mark="pairs.jsonl",
)

SOURCE = "Its home is https://github.com/201528014227051/RSICD_optimal."


def read(root: Path, *, report: Report = refuse) -> DataSet:
    """Return the pairs that the folder's `pairs.jsonl` lists."""
    return read_manifest(root / "pairs.jsonl", name="rsicd", report=report)
