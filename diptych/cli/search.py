"""`diptych search`: the items of a collection, or the pairs of a data set, nearest to a text or a picture."""

import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diptych.cli.console import LONGEST, say, shown_progress, write, write_json, write_table
from diptych.cli.options import DataOption, DataRoot, Json, Moved
from diptych.cli.request_options import takes_options_of
from diptych.request_fields import options_of
from diptych.search_request import SearchRequest

if TYPE_CHECKING:
    from diptych.retriever import Results

NOTES = {"text": "- reads it from stdin."}
OF_RUNS = ("text", "image", "k", "fusion")
"""The fields of a request that the search of a run's data set knows."""


@takes_options_of(SearchRequest, notes=NOTES)
def search(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="A collection, or the folder of a training run.")],
    *,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Save the hits as a PNG.")] = None,
    model: Moved = None,
    data: DataOption = None,
    split: Annotated[str | None, typer.Option("--split", help="Search only this split; by default all pairs.")] = None,
    data_root: DataRoot = None,
    json: Json = False,
    **fields: Any,
) -> None:
    """Find what is nearest to a text or a picture, in a collection or in the data set of a run."""
    if fields["text"] == "-":
        fields["text"] = sys.stdin.read().strip()
    if _is_collection(place):
        _refuse({"--data": data, "--split": split, "--data-root": data_root}, "the data set of a run")
        from diptych.collection import Collection

        with Collection.open(place, model=model) as collection:
            results = collection.search(**fields)
    else:
        _refuse({**_of_collections(fields), "--model": model}, "a collection")
        if (fields["text"] is None) == (fields["image"] is None):
            raise typer.BadParameter("give either a text or a picture.", param_hint="--text / --image")
        from diptych.retriever import Retriever

        own = {name: fields[name] for name in OF_RUNS}
        with shown_progress() as progress:
            results = Retriever.load(Path(place)).search(
                data, split=split, data_root=data_root, progress=progress, **own
            )
    _tell(results, save, json=json)


def _of_collections(fields: Mapping[str, Any]) -> dict[str, object]:
    """Return by their flags the options that are given and that no search of a run's data set knows."""
    only = [option for option in options_of(SearchRequest) if option.name not in OF_RUNS]
    return {option.flag: fields[option.name] for option in only if fields[option.name] not in (option.default, [])}


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


def _tell(results: "Results", save: Path | None, *, json: bool) -> None:
    """Print the hits, and draw them where a file is named."""
    if results.unknown_words:
        say(f"The text encoder does not know {results.unknown_words:.0%} of the query's words.")
    if json:
        write_json(results.as_dict())
    else:
        _write_hits(results)
    if save is not None:
        results.save(save)
        say(f"Saved the hits to {save}.")


def _write_hits(results: "Results") -> None:
    rows = [
        (rank, hit.similarity, hit.id, ", ".join(hit.categories), shorten(hit.texts[0], LONGEST) if hit.texts else None)
        for rank, hit in enumerate(results.hits, start=1)
    ]
    write_table(("rank", "similarity", "id", "category", "text"), rows)
    if results.attribution:
        write(results.attribution)
