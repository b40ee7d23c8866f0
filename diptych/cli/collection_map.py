"""`diptych collection map`: the items of a collection as points of a plane."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.collection import CollectionArgument, opened_collection
from diptych.cli.console import say, write_json
from diptych.cli.options import JsonOption, PicturesFromOption, SideOption, WhereOption, drawn_or_page


def collection_map(
    collection: CollectionArgument,
    *,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="FILE", callback=drawn_or_page, help="A .png, .jpg, .webp or .pdf, or an .html page."
        ),
    ] = None,
    colour: Annotated[
        str, typer.Option("--colour", metavar="COLUMN", help="Colour points by this column, if there is one.")
    ] = "category",
    side: SideOption = None,
    where: WhereOption = None,
    pictures_from: PicturesFromOption = None,
    json: JsonOption = False,
) -> None:
    """Place items in the plane in which their vectors vary most; a page shows pictures where you point at them."""
    if save is None and not json:
        raise typer.BadParameter("name the file to draw, or ask for --json.", param_hint="--save")
    with opened_collection(collection, pictures_from=pictures_from) as opened:
        found = opened.map(colour=colour, side=side, where=where)
        if save is not None:
            found.save(save)
    if json:
        for row in found.records():
            write_json(row)
    if save is not None:
        say(f"Saved the map to {save}: {found.note}")
