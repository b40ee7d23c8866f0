"""Wikipedia: 2,866 sections of featured articles, each with its picture, in 10 categories.

Read from the official layout:

    trainset_txt_img_cat.list    2,173 lines: text, picture and number of the category, separated by tabs
    testset_txt_img_cat.list     693 lines
    categories.list              names of the categories, one a line
    texts/TEXT.xml               the section's text in the element <text>
    images/CATEGORY/PICTURE.jpg  the picture; without the folder `images`, pairs have none
    features/raw_features.mat    I_tr, T_tr, I_te, T_te: 128 numbers a picture (bags of SIFT), 10 a text (LDA topics)
    features/mcsm_indice.mat     `indice` orders the 693 test lines: the first 231 validate, the others test

Without `mcsm_indice.mat`, which the official archive does not hold, a third of the test lines is drawn for validation
with seed 0, and the data set says so in `split_seed`.

The XML files are not well-formed: they hold bare `&` and HTML's entities. The text is cut out and unescaped.

Paper: Rasiwasia et al., A New Approach to Cross-Modal Multimedia Retrieval, ACM Multimedia 2010.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from diptych.data.findings import FaultError, Finding, Report, refuse
from diptych.data.pairs import DataSet, Pair
from diptych.data.splitting import DEFAULT_SEED, stratified_split
from diptych.data.texts import accepted_text
from diptych.errors import BadManifest, MissingData, ShapeMismatch
from diptych.modality import MODALITIES
from diptych.rooms import Card

CARD = Card(
    title="2,866 sections of Wikipedia articles with a picture each, 10 categories",
    paper="Rasiwasia et al., A New Approach to Cross-Modal Multimedia Retrieval, ACM Multimedia",
    year=2010,
    licence="texts CC BY-SA 3.0, pictures under their own terms",
    needs=("folder",),
    mark="categories.list",
)

SOURCE = "Its home is http://www.svcl.ucsd.edu/projects/crossmodal."

_LISTS = ("trainset_txt_img_cat.list", "testset_txt_img_cat.list")
_VALIDATION_SHARE = 1 / 3
_TEXT = re.compile(r"<text>(.*)</text>", re.DOTALL)


@dataclass(frozen=True)
class _Line:
    file: str
    number: int
    text: str
    image: str
    category: str

    @property
    def where(self) -> str:
        return f"{self.file}, line {self.number}"


def read(root: Path, *, report: Report = refuse) -> DataSet:
    """Return the pairs of both lists, those for training first, with the features that lie beside them."""
    lines = [line for file in _LISTS for line in _lines(root, file)]
    train = sum(line.file == _LISTS[0] for line in lines)
    splits, seed = _splits(root, [(line.category,) for line in lines[train:]], train)
    pairs: list[Pair] = []
    places: dict[int, int] = {}
    for row, line in enumerate(lines):
        try:
            pair = _pair(root, line)
        except FaultError as fault:
            report(fault.finding)
        else:
            places[row] = len(pairs)
            pairs.append(pair)
    whole = DataSet("wikipedia", tuple(pairs), {}, vectors=_vectors(root, train, len(lines), list(places)))
    return whole.with_splits(
        {name: [places[row] for row in rows if row in places] for name, rows in splits.items()}, seed=seed
    )


def _lines(root: Path, file: str) -> Iterator[_Line]:
    categories = _read_text(root / "categories.list").split()
    for number, row in enumerate(_read_text(root / file).splitlines(), start=1):
        match row.split("\t"):
            case [text, image, category] if category.isdigit() and 0 < int(category) <= len(categories):
                yield _Line(file, number, text, image, categories[int(category) - 1])
            case _:
                raise BadManifest(
                    f"{file}, line {number}: expected text, picture and a category from 1 to {len(categories)}, "
                    f"separated by tabs; got {row!r}."
                )


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise MissingData(f"'{path}' does not exist. Give the folder of the official Wikipedia archive.")
    return path.read_text(encoding="utf-8")


def _pair(root: Path, line: _Line) -> Pair:
    path = root / "texts" / f"{line.text}.xml"
    if not path.is_file():
        raise FaultError(
            Finding("missing text", line.where, f"'{path}' does not exist", "Unpack the official archive again.")
        )
    pictures = root / "images"
    image = pictures / line.category / f"{line.image}.jpg" if pictures.is_dir() else None
    return Pair(line.text, image, (_article(path),), (line.category,))


def _article(path: Path) -> str:
    where = f"texts/{path.name}"
    try:
        match = _TEXT.search(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise FaultError(Finding("encoding", where, "it is not UTF-8", "Unpack the official archive again.")) from error
    if match is None:
        raise FaultError(Finding("empty text", where, "it has no element <text>", "Unpack the official archive again."))
    return accepted_text(html.unescape(match.group(1)), where=where)


def _splits(root: Path, categories: Sequence[tuple[str]], train: int) -> tuple[Mapping[str, Sequence[int]], int | None]:
    """Return the splits' rows and the seed that drew them, if one did; test lines follow the `train` training lines."""
    path = root / "features" / "mcsm_indice.mat"
    count = len(categories)
    if path.is_file():
        order = _load(path)["indice"].ravel()
        if sorted(order) != list(range(count)):
            raise ShapeMismatch(
                f"'{path}' must be a permutation of the {count} test lines; got {len(order)} numbers that are not."
            )
        val, test = np.split(order, [round(count * _VALIDATION_SHARE)])
        return {"train": range(train), "val": (val + train).tolist(), "test": (test + train).tolist()}, None
    parts = stratified_split(categories, seed=DEFAULT_SEED, fractions=(1 - _VALIDATION_SHARE, _VALIDATION_SHARE, 0.0))
    val_rows, test_rows = ([row + train for row in parts[name]] for name in ("val", "train"))
    return {"train": range(train), "val": val_rows, "test": test_rows}, DEFAULT_SEED


def _vectors(root: Path, train: int, total: int, rows: Sequence[int]) -> dict[str, Float[np.ndarray, "n _"]]:
    """Return the precomputed features of the kept lines, or none where their file is absent."""
    path = root / "features" / "raw_features.mat"
    if not path.is_file():
        return {}
    tables = _load(path)
    vectors: dict[str, Float[np.ndarray, "n _"]] = {}
    for modality, letter in zip(MODALITIES, ("I", "T"), strict=True):
        parts = tables[f"{letter}_tr"], tables[f"{letter}_te"]
        if [len(part) for part in parts] != [train, total - train]:
            raise ShapeMismatch(
                f"'{path}' must describe {train} and {total - train} {modality}s, as the lists do; "
                f"got {len(parts[0])} and {len(parts[1])}."
            )
        vectors[modality] = np.concatenate(parts).astype(np.float32)[list(rows)]
    return vectors


def _load(path: Path) -> Mapping[str, Any]:
    from scipy.io import loadmat

    tables: Mapping[str, Any] = loadmat(path)
    return tables
