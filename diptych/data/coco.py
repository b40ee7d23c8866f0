"""MS-COCO: photographs with five captions each; categories are the kinds of things in them, several a picture.

Read from the official layout, of the edition 2014 (82,783 and 40,504 pictures) or 2017 (118,287 and 5,000):

    annotations/captions_train2014.json,  captions_val2014.json
    annotations/instances_train2014.json, instances_val2014.json
    train2014/, val2014/         the pictures, also below `images/`; where a folder is absent, its pairs have no picture

The annotations of the official test pictures are not public, so the official validation set is our test set, and a
tenth of the official training set, drawn with seed 0 and stratified by category, validates. Pictures in which nothing
is marked have no category. Without the instances files no picture has one.

Paper: Lin et al., Microsoft COCO: Common Objects in Context, ECCV 2014.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from diptych.data.annotation_files import accepted_captions, load_annotations, other_structure
from diptych.data.findings import FaultError, Report, refuse
from diptych.data.pairs import DataSet, Pair
from diptych.data.splitting import DEFAULT_SEED, stratified_split
from diptych.errors import BadManifest, MissingData
from diptych.rooms import Card

CARD = Card(
    title="Photographs with five captions each, 80 categories, several a picture",
    paper="Lin et al., Microsoft COCO: Common Objects in Context, ECCV",
    year=2014,
    licence="annotations CC BY 4.0, photographs under Flickr's terms",
    needs=("folder",),
    mark="annotations",
    variants=("coco", "coco-2017"),
)

SOURCE = "Its home is https://cocodataset.org."

_EDITIONS = {"2014": "coco", "2017": "coco-2017"}
_VALIDATION_SHARE = 0.1


def read(root: Path, *, report: Report = refuse) -> DataSet:
    """Return the pairs of the one edition that the folder holds, the official training set first."""
    edition = _edition(root)
    train = list(_pairs(root, f"train{edition}", report))
    test = list(_pairs(root, f"val{edition}", report))
    halves = stratified_split(
        [pair.categories for pair in train],
        seed=DEFAULT_SEED,
        fractions=(1 - _VALIDATION_SHARE, _VALIDATION_SHARE, 0.0),
    )
    splits = {"train": halves["train"], "val": halves["val"], "test": range(len(train), len(train) + len(test))}
    return DataSet(_EDITIONS[edition], tuple(train + test), {}).with_splits(splits, seed=DEFAULT_SEED)


def _edition(root: Path) -> str:
    editions = [edition for edition in _EDITIONS if (root / "annotations" / f"captions_train{edition}.json").is_file()]
    if not editions:
        raise MissingData(
            f"'{root / 'annotations'}' holds no captions_train2014.json or captions_train2017.json. {SOURCE}"
        )
    if len(editions) > 1:
        raise BadManifest(
            f"'{root}' holds the editions {' and '.join(editions)}, which share pictures. "
            "Keep each edition in its own folder."
        )
    return editions[0]


def _pairs(root: Path, part: str, report: Report) -> Iterator[Pair]:
    file = f"captions_{part}.json"
    annotations = load_annotations(root / "annotations" / file, source=SOURCE)
    captions: dict[int, list[str]] = defaultdict(list)
    folder = next((path for path in (root / part, root / "images" / part) if path.is_dir()), None)
    categories = marked_categories(root / "annotations" / f"instances_{part}.json")
    try:
        for annotation in annotations["annotations"]:
            captions[annotation["image_id"]].append(annotation["caption"])
        images = {image["id"]: Path(image["file_name"]).name for image in annotations["images"]}
    except (KeyError, TypeError) as error:
        raise other_structure(file, error) from error
    for number, name in images.items():
        try:
            texts = accepted_captions(captions[number], where=f"{file}, image {number}")
        except FaultError as fault:
            report(fault.finding)
        else:
            yield Pair(str(number), folder and folder / name, texts, categories.get(number, ()))


def marked_categories(path: Path) -> dict[int, tuple[str, ...]]:
    """Return the sorted names of what each picture's instances show; nothing where the file is absent."""
    if not path.is_file():
        return {}
    instances = load_annotations(path, source=SOURCE)
    by_picture: dict[int, set[str]] = defaultdict(set)
    try:
        names = {category["id"]: category["name"] for category in instances["categories"]}
        for instance in instances["annotations"]:
            by_picture[instance["image_id"]].add(names[instance["category_id"]])
    except (KeyError, TypeError) as error:
        raise other_structure(path.name, error) from error
    return {number: tuple(sorted(kinds)) for number, kinds in by_picture.items()}
