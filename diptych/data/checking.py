"""Finds faults in a data set before training."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from diptych.data.addresses import Picture, picture_digest
from diptych.data.findings import FaultError, Finding
from diptych.data.pairs import DataSet
from diptych.data.pictures import decode
from diptych.data.sources import open_data
from diptych.data.texts import accepted_text, encoding_fault
from diptych.entrance import checks_arguments
from diptych.errors import BadImage, DiptychError, MissingData
from diptych.progress import Progress
from diptych.settings import thread_count


@checks_arguments
def check_data(
    name_or_path: str | Path,
    *,
    root: str | Path | None = None,
    columns: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Finding]:
    """Return all faults of a named data set: those that its reader reports, then those of `check`."""
    findings: list[Finding] = []
    dataset = open_data(name_or_path, root=root, columns=columns, report=findings.append, progress=progress)
    return findings + check(dataset, progress=progress)


def check(dataset: DataSet, *, progress: Progress | None = None) -> list[Finding]:
    """Return all faults of a data set's pairs, kind by kind; every picture is read and decoded."""
    digests: dict[int, str] = {}
    findings = list(_check_pictures(dataset, digests, progress))
    findings += _check_texts(dataset)
    findings += _check_ids(dataset)
    findings += _check_overlap("picture", _places(dataset, ((row, digest) for row, digest in digests.items())))
    texts = ((row, text) for row, pair in enumerate(dataset.pairs) for text in dict.fromkeys(pair.texts))
    findings += _check_overlap("text", _places(dataset, texts))
    findings += _check_classes(dataset)
    return findings


def _check_pictures(dataset: DataSet, digests: dict[int, str], progress: Progress | None) -> Iterator[Finding]:
    """Yield the pictures that are missing or cannot be decoded; fill `digests` with those of existing pictures."""
    rows = [row for row, pair in enumerate(dataset.pairs) if pair.image is not None]
    with ThreadPoolExecutor(thread_count()) as threads:
        looks = threads.map(lambda row: _look(dataset.pairs[row].image), rows)
        for done, (row, (digest, kind, what)) in enumerate(zip(rows, looks, strict=True), start=1):
            if digest:
                digests[row] = digest
            if kind:
                yield Finding(kind, f"pair {dataset.pairs[row].id}", what, "Replace the file, or leave the pair out.")
            if progress is not None:
                progress(done, len(rows), "pictures")


def _look(path: Picture | None) -> tuple[str, str, str]:
    """Return the digest of a picture, and the kind and description of its fault or two empty strings."""
    if path is None:
        return "", "", ""
    try:
        decode(path)
    except MissingData:
        return "", "missing image", f"'{path}' does not exist"
    except BadImage as error:
        return picture_digest(path), "unreadable image", str(error).partition(". ")[0]
    except DiptychError as error:  # a URL whose scheme is unknown, or needs a package that is not installed
        return "", "unreadable image", str(error).partition(". ")[0]
    return picture_digest(path), "", ""


def _check_texts(dataset: DataSet) -> Iterator[Finding]:
    for pair in dataset.pairs:
        if not pair.texts:
            yield Finding("empty text", f"pair {pair.id}", "it has no text", "Write a text, or leave the pair out.")
        for text in pair.texts:
            try:
                accepted_text(text, where=f"pair {pair.id}")
            except FaultError as fault:
                yield fault.finding
                continue
            if fault_found := encoding_fault(text):
                do = "Save the original as UTF-8 again."
                yield Finding("encoding", f"pair {pair.id}", f"in {text[:60]!r}, {fault_found}", do)


def _check_ids(dataset: DataSet) -> Iterator[Finding]:
    for name, count in Counter(pair.id for pair in dataset.pairs).items():
        if count > 1:
            yield Finding("duplicate id", f"pair {name}", f"{count} pairs have this id", "Give each pair its own.")


def _places(dataset: DataSet, contents: Iterable[tuple[int, str]]) -> dict[str, list[tuple[str, str]]]:
    """Return for each content the splits and ids of the pairs that have it."""
    split_of = {row: name for name, rows in dataset.splits.items() for row in rows}
    places: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row, content in contents:
        if row in split_of:
            places[content].append((split_of[row], dataset.pairs[row].id))
    return places


def _check_overlap(thing: str, places: Mapping[str, list[tuple[str, str]]]) -> Iterator[Finding]:
    """Yield contents that occur in several splits, naming the first pair of each split and counting the others."""
    for content, pairs in places.items():
        first: dict[str, str] = {}
        for split, name in pairs:
            first.setdefault(split, name)
        if len(first) > 1:
            others = len(pairs) - len(first)
            where = ", ".join(f"{split} {name}" for split, name in first.items()) + (
                f" and {others} more" if others else ""
            )
            what = f"the same {thing} occurs in several splits" + (f": {content[:60]!r}" if thing == "text" else "")
            yield Finding(f"{thing} in two splits", where, what, f"Keep a {thing} in one split.")


def _check_classes(dataset: DataSet) -> Iterator[Finding]:
    trained = {category for row in dataset.splits.get("train", ()) for category in dataset.pairs[row].categories}
    for category in dataset.classes:
        if category not in trained:
            do = "Add some, or draw splits with --split-seed."
            yield Finding("class without training", f"category {category}", "no training pair has it", do)
