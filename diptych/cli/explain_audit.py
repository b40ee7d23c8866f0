"""`diptych explain-audit`: how faithful explanations are."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.console import say, shown_progress, write_json, write_table
from diptych.cli.options import DataOption, DataRootOption, JsonOption, RunArgument, drawn


def explain_audit(
    run: RunArgument,
    *,
    data: DataOption = None,
    split: Annotated[str, typer.Option("--split", help="The split whose pairs are explained.")] = "test",
    pairs: Annotated[
        int | None, typer.Option("--pairs", metavar="N", min=1, help="Explain N pairs drawn at random; by default all.")
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", metavar="S", min=0, help="Seed for the drawn pairs and random orders.")
    ] = 0,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", callback=drawn, help="Save the curves as a .png, .jpg, .webp or .pdf."),
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Remove the pixels of the pictures too; takes seconds for each pair.")
    ] = False,
    data_root: DataRootOption = None,
    json: JsonOption = False,
) -> None:
    """Measure how faithful each way of explaining is, by deletion and insertion against random orders.

    Above 0 is better than random, in units of the similarity; ± is the standard error over pairs.
    """
    from diptych.retriever import Retriever

    with shown_progress() as progress:
        audit = Retriever.load(run).audit_explanations(
            data, split=split, pairs=pairs, seed=seed, pixels=pixels, data_root=data_root, progress=progress
        )
    if json:
        write_json(audit.as_dict())
    else:
        title = "{method} ({preset}) on {data}, {split}: {pairs:,} pairs".format(**audit.header)
        rows = [
            (r.space, r.side, r.way, r.deletion, r.deletion_error, r.insertion, r.insertion_error) for r in audit.rows
        ]
        write_table(("space", "side", "way", "deletion", "±", "insertion", "±"), rows, title=title)
    if save is not None:
        audit.save(save)
        say(f"Saved the curves to {save}.")
