"""`diptych collection clusters`: groups of like items, and what stands for each."""

from pathlib import Path
from textwrap import shorten
from typing import Annotated

import typer

from diptych.cli.collection import CollectionArgument, opened_collection
from diptych.cli.console import LONGEST, say, shown_progress, write_json, write_table
from diptych.cli.options import JsonOption, PicturesFromOption, SideOption, WhereOption, drawn

SHOWN = 3
"""How many items of a cluster a table names."""


def clusters(
    collection: CollectionArgument,
    *,
    k: Annotated[
        int | None, typer.Option("-k", metavar="K", min=1, help="How many clusters; by default it is chosen.")
    ] = None,
    side: SideOption = None,
    where: WhereOption = None,
    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help="Write the numbers of clusters to this column.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write over other values in the column.")] = False,
    seed: Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of the beginnings.")] = 0,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", callback=drawn, help="Save a drawing as a .png, .jpg, .webp or .pdf."),
    ] = None,
    pictures_from: PicturesFromOption = None,
    json: JsonOption = False,
) -> None:
    """Group items by their vectors (k-means), the largest group first."""
    with opened_collection(collection, pictures_from=pictures_from) as opened:
        with shown_progress() as progress:
            found = opened.clusters(
                k, side=side, where=where, column=column, replace=replace, seed=seed, progress=progress
            )
        if save is not None:
            found.save(save)
    if json:
        for row in found.records():
            write_json(row)
    else:
        rows = [
            (row["cluster"], row["items"], row["similarity"], shorten(" · ".join(row["texts"][:SHOWN]), LONGEST))
            for row in found.records()
        ]
        write_table(("cluster", "items", "similarity", "typical"), rows)
    if column is not None:
        say(f"Wrote {column} of {found.written:,} item{'s' * (found.written != 1)}.")
    if save is not None:
        say(f"Saved the clusters to {save}.")
    if found.attribution:
        say(found.attribution)
