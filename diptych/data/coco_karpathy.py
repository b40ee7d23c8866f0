"""MS-COCO in the splits of Karpathy and Fei-Fei, by which image-text retrieval is compared.

Read from `dataset_coco.json` (`diptych.data.karpathy`) beside the pictures of 2014: `train2014/` and `val2014/`, also
below `images/`. 113,287 train, 30,504 of which are from the official validation set; 5,000 validate and 5,000 test.
With `annotations/instances_train2014.json` and `instances_val2014.json` pictures have categories too.

Paper: Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014.
"""

from pathlib import Path

from diptych.data.coco import marked_categories
from diptych.data.findings import Report, refuse
from diptych.data.karpathy import Image, in_folder, read_karpathy
from diptych.data.pairs import DataSet
from diptych.rooms import Card

CARD = Card(
    title="MS-COCO in the splits of Karpathy and Fei-Fei: 5,000 test pictures",
    paper="Lin et al., Microsoft COCO: Common Objects in Context, ECCV",
    year=2014,
    licence="annotations CC BY 4.0, photographs under Flickr's terms",
    needs=("folder",),
    mark="dataset_coco.json",
)

SOURCE = "Its home is https://cocodataset.org; dataset_coco.json is at https://cs.stanford.edu/people/karpathy/deepimagesent."


def read(root: Path, *, report: Report = refuse) -> DataSet:
    """Return the pairs that `dataset_coco.json` lists."""
    files = [root / "annotations" / f"instances_{part}2014.json" for part in ("train", "val")]
    kinds = {number: names for file in files for number, names in marked_categories(file).items()}

    def picture(image: Image) -> Path | None:
        part = str(image["filepath"])
        return in_folder(image, root / part, root / "images" / part)

    return read_karpathy(
        root / "dataset_coco.json",
        name="coco-karpathy",
        source=SOURCE,
        picture=picture,
        categories=lambda image: kinds.get(image["cocoid"], ()),
        report=report,
    )
