"""`diptych search`: the nearest pairs to a sentence or to a picture."""

import sys
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import typer

from diptych.cli.console import say, shown_progress, write, write_json, write_table
from diptych.cli.options import DataOption, DataRoot, Fusion, Json, Run

if TYPE_CHECKING:
    from diptych.retriever import Results

LONGEST = 100
"""Letters of a text that a table shows."""


def search(
    run: Run,
    *,
    data: DataOption = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help="Find pictures for this sentence; - reads stdin.")
    ] = None,
    image: Annotated[Path | None, typer.Option("--image", metavar="FILE", help="Find texts for this picture.")] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many to find.")] = 10,
    split: Annotated[str | None, typer.Option("--split", help="Search this split only; left out, all pairs.")] = None,
    fusion: Fusion = None,
    save: Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Save the hits as a PNG.")] = None,
    data_root: DataRoot = None,
    json: Json = False,
) -> None:
    """Find the pairs nearest to a sentence or a picture."""
    from diptych.retriever import Retriever

    if (text is None) == (image is None):
        raise typer.BadParameter("give one of the two, a sentence or a picture.", param_hint="--text / --image")
    query = sys.stdin.read().strip() if text == "-" else text
    with shown_progress() as progress:
        results = Retriever.load(run).search(
            data, text=query, image=image, k=k, split=split, fusion=fusion, data_root=data_root, progress=progress
        )
    if results.unknown_words:
        say(f"{results.unknown_words:.0%} of the query's words are unknown to the text encoder.")
    if json:
        write_json(results.as_dict())
    else:
        _write_hits(results)
    if save is not None:
        results.save(save)
        say(f"The hits are drawn in {save}.")


def _write_hits(results: "Results") -> None:
    rows = [
        (rank, hit.similarity, hit.id, ", ".join(hit.categories), shorten(hit.texts[0], LONGEST) if hit.texts else None)
        for rank, hit in enumerate(results.hits, start=1)
    ]
    write_table(("rank", "similarity", "id", "category", "text"), rows)
    if results.attribution:
        write(results.attribution)
