"""`diptych collection duplicates`: near-identical pictures."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from diptych.cli.collection import CollectionArgument, opened_collection
from diptych.cli.console import say, shown_progress, write, write_json, write_table
from diptych.cli.options import FormOption, JsonOption, PicturesFromOption, WhereOption

if TYPE_CHECKING:
    from diptych.collection import Duplicates

COLUMNS = ("group", "id", "like", "picture", "vector", "found by")


def duplicates(
    collection: CollectionArgument,
    *,
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", metavar="T", help="Lowest similarity, up to 1; by default .995 by picture, .999 by vector."
        ),
    ] = None,
    by: Annotated[
        Literal["picture", "vector"] | None,
        typer.Option("--by", help="Compare how pictures look, or their vectors; by default both."),
    ] = None,
    where: WhereOption = None,
    pictures_from: PicturesFromOption = None,
    form: FormOption = "table",
    json: JsonOption = False,
) -> None:
    """Find near-identical pictures, group by group.

    With --format paths, an empty line separates the groups.
    """
    with opened_collection(collection, pictures_from=pictures_from) as opened, shown_progress() as progress:
        found = opened.duplicates(threshold=threshold, by=by, where=where, progress=progress)
    _tell(found, form="json" if json else form)


def _tell(found: "Duplicates", *, form: str) -> None:
    rows = [
        (row["group"], row["id"], row["like"], row["picture"], row["vector"], " and ".join(row["found_by"]))
        for row in found.records()
    ]
    match form:
        case "json":
            for group in found.groups:
                write_json(group.as_dict())
        case "paths":
            for n, group in enumerate(found.groups):
                paths = [str(item.image) for item in group.items if item.image]
                write("\n".join(["", *paths] if n else paths))
        case "tsv":
            for cells in (COLUMNS, *rows):
                write("\t".join("" if cell is None else " ".join(str(cell).split()) for cell in cells))
        case _:
            write_table(COLUMNS, rows)
    copies = sum(len(group.items) - 1 for group in found.groups)
    say(
        f"{len(found.groups):,} group{'s' * (len(found.groups) != 1)} of near-identical pictures among "
        f"{found.total:,}: {copies:,} could go. Nothing was removed."
    )
    if found.unseen:
        say(
            f"{found.unseen:,} picture{'s were' if found.unseen != 1 else ' was'} not compared by looks: remote ones, "
            "those of a single colour, and such as cannot be read."
        )
    if found.attribution:
        say(found.attribution)
