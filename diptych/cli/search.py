"""`diptych search`: the items of a collection, or the pairs of a data set, nearest to a text or a picture."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diptych.cli.console import LONGEST, say, shown_progress, write, write_json, write_table
from diptych.cli.options import (
    DataOption,
    DataRootOption,
    FormOption,
    JsonOption,
    MovedModelOption,
    PicturesFromOption,
    drawn,
)
from diptych.cli.request_options import takes_options_of
from diptych.errors import MissingData
from diptych.search_request import SearchRequest

if TYPE_CHECKING:
    from diptych.retriever import Results

COLUMNS = ("rank", "similarity", "id", "category", "text")
NOTES = {"text": "- reads it from stdin."}


@takes_options_of(SearchRequest, notes=NOTES)
def search(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE", help="A collection, a training run (hub:OWNER/NAME), or a served collection's URL."
        ),
    ],
    *,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", callback=drawn, help="Save the hits as a .png, .jpg, .webp or .pdf."),
    ] = None,
    model: MovedModelOption = None,
    pictures_from: PicturesFromOption = None,
    data: DataOption = None,
    split: Annotated[str | None, typer.Option("--split", help="Search only this split; by default all pairs.")] = None,
    data_root: DataRootOption = None,
    form: FormOption = "table",
    json: JsonOption = False,
    **fields: Any,
) -> None:
    """Find what is nearest to a text or a picture, in a collection, in the data set of a run, or through a service.

    A served collection is named by the URL of its service and its name, as in http://localhost:8000/shop; the key comes
    from the variable DIPTYCH_KEY.
    """
    if form == "paths" and _is_service(place):
        raise typer.BadParameter("a service does not tell where its pictures lie.", param_hint="--format")
    if not ("://" in place or place.startswith("hub:") or Path(place).is_dir()):
        raise MissingData(
            f"there is no run and no collection at {place}. Make one: diptych train mcsm --data DATA --out {place}, or "
            f"diptych collection create {place} --model MODEL."
        )
    if fields["text"] == "-":
        fields["text"] = sys.stdin.read().strip()
    if _is_service(place):
        _refuse({"--data": data, "--split": split, "--data-root": data_root}, "the data set of a run")
        _refuse({"--model": model, "--pictures-from": pictures_from}, "a collection on this machine")
        from diptych.cli.served import searched_service

        with searched_service(place, fields, with_pictures=save is not None) as results:
            _tell(results, save, form="json" if json else form)
        return
    if _is_collection(place):
        _refuse({"--data": data, "--split": split, "--data-root": data_root}, "the data set of a run")
        from diptych.collection import Collection

        with Collection.open(place, model=model, pictures_from=pictures_from or ()) as collection:
            results = collection.search(**fields)
    else:
        _refuse({"--model": model, "--pictures-from": pictures_from}, "a collection")
        from diptych.retriever import Retriever

        with shown_progress() as progress:
            results = Retriever.load(Path(place)).search(
                data, split=split, data_root=data_root, progress=progress, **fields
            )
    _tell(results, save, form="json" if json else form)


def _is_service(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def _is_collection(place: str) -> bool:
    if not Path(place).is_dir():
        return "://" in place
    from diptych.collection import is_collection

    return is_collection(place)


def _refuse(options: Mapping[str, object], searched: str) -> None:
    """Refuse an option that this kind of search would leave unread."""
    for flag, value in options.items():
        if value is not None:
            raise typer.BadParameter(f"only for searches of {searched}.", param_hint=flag)


def _tell(results: "Results", save: Path | None, *, form: str) -> None:
    """Print the hits, and draw them where a file is named."""
    if results.unknown_words:
        say(f"The text encoder does not know {results.unknown_words:.0%} of the query's words.")
    for note in results.notes:
        say(f"Note: {note}.")
    if results.missing:
        say(results.missing_note)
    match form:
        case "json":
            write_json(results.as_dict())
        case "paths":
            for hit in results.hits:
                if hit.image is not None:
                    write(str(hit.image))
        case "tsv":
            for row in (COLUMNS, *_rows(results)):
                write("\t".join("" if cell is None else " ".join(str(cell).split()) for cell in row))
        case _:
            _write_hits(results)
    if form in ("paths", "tsv") and results.attribution:
        say(results.attribution)
    if save is not None:
        results.save(save)
        say(f"Saved the hits to {save}.")


def _rows(results: "Results") -> Iterator[tuple[int, float, str, str, str | None]]:
    """Yield the rank, the similarity, the id, the categories and the first text of each hit."""
    for rank, hit in enumerate(results.hits, start=1):
        yield rank, hit.similarity, hit.id, ", ".join(hit.categories), hit.texts[0] if hit.texts else None


def _write_hits(results: "Results") -> None:
    rows = [(*row[:-1], shorten(row[-1], LONGEST) if row[-1] else None) for row in _rows(results)]
    write_table(COLUMNS, rows)
    if results.attribution:
        write(results.attribution)
