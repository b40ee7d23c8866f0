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
    onnx: Annotated[
        Path | None,
        typer.Option("--onnx", metavar="FOLDER", help="Write the run as ONNX, for use without torch."),
    ] = None,
    split: CardSplitOption = "test",
    licence: LicenceOption = None,
    json: JsonOption = False,
) -> None:
    """Write a run for others.

    --pretrained writes a folder that opens wherever a RUN is taken, with its weights, records and a model card and
    without paths of this machine. --onnx writes a graph for pictures and one for texts, and what comes before them.
    """
    from diptych.retriever import Retriever

    if pretrained is None and onnx is None:
        raise typer.BadParameter("say what to write.", param_hint="--pretrained, --onnx")
    told, opened = {"run": str(run)}, Retriever.load(run)
    with shown_progress() as progress:
        if pretrained is not None:
            opened.save_pretrained(pretrained, split=split or None, licence=licence, progress=progress)
            told["pretrained"] = str(pretrained)
        if onnx is not None:
            opened.export_onnx(onnx)
            told["onnx"] = str(onnx)
    if json:
        write_json(told)
        return
    if pretrained is not None:
        write(f"The run for others is in {pretrained}. Read its model card: {pretrained / 'README.md'}.")
    if onnx is not None:
        write(f"The run as ONNX is in {onnx}. {onnx / 'towers.json'} says what comes before its graphs.")
