"""XMediaNet: 40,000 pairs of a picture and a paragraph, in 200 categories.

Read from the layout of its authors, of whose five media two are used:

    img_train_list.txt, txt_train_list.txt    32,000 lines each; line k of both is one pair
    img_test_list.txt, txt_test_list.txt      8,000 lines each
    image/CATEGORY/NAME.jpg                   pictures
    text/CATEGORY/NAME.txt                    paragraphs

A line holds a path below `image` or `text` and the number of the category, with a blank between. Where
`img_val_list.txt` and `txt_val_list.txt` exist they are the validation split. Else half of the test lines is drawn for
it with seed 0: 32,000/4,000/4,000 as in the MCSM paper, whose own halves are not public. The layout is known from
code that reads it, and tested on small trees: the data is given on request only.

Paper: Huang et al., MHTN: Modal-adversarial Hybrid Transfer Network for Cross-modal Retrieval, IEEE Cybernetics 2018.
"""

from collections.abc import Iterator
from pathlib import Path

from diptych.data.findings import FaultError, Finding, Report, refuse
from diptych.data.pairs import DataSet, Pair
from diptych.data.paths import confined
from diptych.data.splitting import DEFAULT_SEED, stratified_split
from diptych.data.texts import accepted_text
from diptych.errors import BadManifest, MissingData
from diptych.rooms import Card

CARD = Card(
    title="40,000 pictures with a paragraph each, 200 categories",
    paper="Huang et al., MHTN: Modal-adversarial Hybrid Transfer Network for Cross-modal Retrieval, IEEE Cybernetics",
    year=2018,
    licence="on request from its authors, for research",
    needs=("folder",),
    mark="img_train_list.txt",
)

SOURCE = "Its authors share it on request: https://www.icst.pku.edu.cn/mipl."


def read(root: Path, *, report: Report = refuse) -> DataSet:
    """Return the pairs of all lists; a category is the folder that its picture lies in."""
    parts = [name for name in ("train", "val", "test") if name != "val" or (root / "img_val_list.txt").is_file()]
    pairs: list[Pair] = []
    splits: dict[str, list[int]] = {"train": [], "val": [], "test": []}
    for part in parts:
        for pair in _pairs(root, part, report):
            splits[part].append(len(pairs))
            pairs.append(pair)
    dataset = DataSet("xmedianet", tuple(pairs), {}).with_splits(splits, seed=None)
    return dataset if "val" in parts else _with_half_of_test(dataset)


def _with_half_of_test(dataset: DataSet) -> DataSet:
    rows = dataset.splits["test"]
    parts = stratified_split(
        [dataset.pairs[row].categories for row in rows], seed=DEFAULT_SEED, fractions=(0.5, 0.5, 0.0)
    )
    halves = {"val": [rows[k] for k in parts["val"]], "test": [rows[k] for k in parts["train"]]}
    return dataset.with_splits({**dataset.splits, **halves}, seed=DEFAULT_SEED)


def _pairs(root: Path, part: str, report: Report) -> Iterator[Pair]:
    images, texts = _lines(root, f"img_{part}_list.txt"), _lines(root, f"txt_{part}_list.txt")
    if len(images) != len(texts):
        raise BadManifest(
            f"img_{part}_list.txt and txt_{part}_list.txt must list the same pairs; "
            f"got {len(images)} and {len(texts)} lines."
        )
    for number, (image, text) in enumerate(zip(images, texts, strict=True), start=1):
        try:
            yield _pair(root, image, text, f"txt_{part}_list.txt, line {number}")
        except FaultError as fault:
            report(fault.finding)


def _lines(root: Path, file: str) -> list[tuple[str, str]]:
    """Return the path and the category's number on each line of a list."""
    if not (root / file).is_file():
        raise MissingData(f"'{root / file}' does not exist. {SOURCE}")
    lines = []
    for number, line in enumerate((root / file).read_text(encoding="utf-8").splitlines(), start=1):
        path, blank, category = line.strip().rpartition(" ")
        if not blank or not category.isdigit():
            raise BadManifest(
                f"{file}, line {number}: expected a path and a number separated by a space; got {line!r}."
            )
        lines.append((path.strip(), category))
    return lines


def _pair(root: Path, image: tuple[str, str], text: tuple[str, str], where: str) -> Pair:
    if image[1] != text[1]:
        what = f"the text is of category {text[1]} and its picture of category {image[1]}"
        raise FaultError(Finding("bad line", where, what, "Line k of both lists must be one pair."))
    picture = confined(image[0], base=root / "image", root=root / "image", where=where)
    path = confined(text[0], base=root / "text", root=root / "text", where=where)
    if not path.is_file():
        raise FaultError(Finding("missing text", where, f"'{path}' does not exist", "Unpack the texts again."))
    words = accepted_text(path.read_text(encoding="utf-8", errors="replace"), where=where)
    return Pair(f"{picture.parent.name}/{picture.stem}", picture, (words,), (picture.parent.name,))
