"""`diptych export`: a run as others take it."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.console import shown_progress, write, write_json
from diptych.cli.options import CardSplitOption, JsonOption, LicenceOption, RunArgument


def export_run(
    run: RunArgument,
    *,
    pretrained: Annotated[
        Path | None,
        typer.Option("--pretrained", metavar="FOLDER", help="Write the run with a model card, to hand it over."),
    ] = None,
    split: CardSplitOption = "test",
    licence: LicenceOption = None,
    json: JsonOption = False,
) -> None:
    """Write a run for others.

    --pretrained writes a folder that opens wherever a RUN is taken, with its weights, records and a model card and
    without paths of this machine.
    """
    from diptych.retriever import Retriever

    if pretrained is None:
        raise typer.BadParameter("say what to write.", param_hint="--pretrained")
    with shown_progress() as progress:
        written = Retriever.load(run).save_pretrained(
            pretrained, split=split or None, licence=licence, progress=progress
        )
    if json:
        write_json({"run": str(run), "pretrained": str(written)})
    else:
        write(f"The run for others is in {written}. Read its model card: {written / 'README.md'}.")
