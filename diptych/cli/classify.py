"""`diptych collection classify`: the best of some labels for each item."""

from typing import Annotated

import typer

from diptych.cli.collection import CollectionArgument, opened_collection
from diptych.cli.console import say, shown_progress, write_json, write_table
from diptych.cli.options import FusionOption, JsonOption, MovedModelOption


def classify(
    collection: CollectionArgument,
    *,
    labels: Annotated[str, typer.Option("--labels", metavar="A,B,C", help="The labels, separated by commas.")],
    column: Annotated[
        str, typer.Option("--column", metavar="NAME", help="Write labels to this column, scores to NAME_score.")
    ] = "label",
    replace: Annotated[bool, typer.Option("--replace", help="Write over other values in the column.")] = False,
    template: Annotated[
        str, typer.Option("--template", metavar="TEXT", help="The text for a label, such as 'a photo of a {}'.")
    ] = "{}",
    against: Annotated[
        str | None, typer.Option("--against", metavar="SIDE", help="Compare with the image or the text of items.")
    ] = None,
    fusion: FusionOption = None,
    model: MovedModelOption = None,
    json: JsonOption = False,
) -> None:
    """Write the best of some labels to a column of each item, without training.

    Labels are compared with items as in a search. If the command is killed, run it again.
    """
    named = [label.strip() for label in labels.split(",") if label.strip()]
    with opened_collection(collection, model) as opened, shown_progress() as progress:
        found = opened.classify(
            named,
            column=column,
            replace=replace,
            template=template,
            against=against,
            fusion=fusion,
            progress=progress,
        )
    if json:
        write_json({"column": column, **found.as_dict()})
    else:
        total = max(1, len(found.ids))
        write_table((column, "items", "share"), [(label, n, n / total) for label, n in found.counts.items()])
    for label in found.unknown:
        say(f"The text encoder knows no word of the label {label!r}.")
    say(f"Wrote {column} and {column}_score of {found.written:,} item{'s' * (found.written != 1)}.")
    if found.unlabelled:
        say(f"{found.unlabelled:,} item{'s have' if found.unlabelled != 1 else ' has'} nothing to compare with labels.")
