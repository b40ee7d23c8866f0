"""`diptych train`: from a data set to a run folder."""

import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from diptych.cli import ranks
from diptych.cli.console import say, shown_progress, spelt, write, write_json
from diptych.cli.options import (
    IMAGE_ENCODER,
    TEXT_ENCODER,
    ColumnsOption,
    DataRootOption,
    ImageEncoderOption,
    JsonOption,
    Named,
    RelevantOption,
    SettingsOption,
    SplitSeedOption,
    TextEncoderOption,
    TextsOption,
)


def train(
    method: Annotated[
        str, typer.Argument(metavar="METHOD", help="The method: mcsm, or one of its rivals, such as cca.")
    ],
    *,
    data: Annotated[str, Named],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The folder to write; it must not exist yet.")],
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="default (the best), paper or released.")
    ] = "default",
    seed: Annotated[int, typer.Option("--seed", help="Seed for the initial weights and the batches.")] = 0,
    split_seed: SplitSeedOption = None,
    settings: SettingsOption = None,
    image_encoder: ImageEncoderOption = IMAGE_ENCODER,
    text_encoder: TextEncoderOption = TEXT_ENCODER,
    relevant: RelevantOption = None,
    texts: TextsOption = None,
    columns: ColumnsOption = None,
    data_root: DataRootOption = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the interrupted run in RUN.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write TensorBoard events below RUN; needs an extra.")
    ] = False,
    processes: Annotated[
        int, typer.Option("--processes", metavar="N", min=1, help="Share each batch among N processes on this machine.")
    ] = 1,
    max_restarts: Annotated[
        int,
        typer.Option("--max-restarts", metavar="K", min=0, help="Restart the processes up to K times if one dies."),
    ] = 3,
    json: JsonOption = False,
) -> None:
    """Train a method on a data set and write a run folder.

    Encodes first what the cache lacks. Does not read the test split, except with a preset called transductive, and
    then without its categories. Several processes, started by --processes or torchrun, give the same run as one.
    """
    if processes > 1 and not ranks.is_launched():
        from diptych.launching import launch

        raise typer.Exit(launch(sys.argv[1:], processes=processes, max_restarts=max_restarts))
    if ranks.is_first() and (restart := os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) != "0":
        say(f"A training process died. Restarting all from the last checkpoint, restart {restart}.", always=True)
    from diptych.retriever import Retriever

    try:
        with shown_progress() if ranks.is_first() else nullcontext() as progress:
            retriever = Retriever.train(
                method,
                data,
                out=out,
                preset=preset,
                seed=seed,
                split_seed=split_seed,
                settings=settings or (),
                image_encoder=image_encoder,
                text_encoder=text_encoder,
                relevant=relevant,
                texts=texts,
                columns=columns or (),
                data_root=data_root,
                resume=resume,
                tensorboard=tensorboard,
                progress=progress,
            )
            if not ranks.is_first():
                return
            validation = retriever.evaluate(split="val", data_root=data_root, progress=progress).as_dict()
    except KeyboardInterrupt:
        say(f"Interrupted. Run the same command with --resume to continue in {out}.", always=True)
        raise
    if json:
        write_json({"run": str(out), "validation": validation})
        return
    for note in validation["notes"]:
        write(f"Note: {note}.")
    figures = f"MAP {spelt(validation['average_map'])}, both directions averaged"
    if validation["relevant"] != "category":
        figures += f"; sum of the six recalls {spelt(validation['recall_sum'])}"
    write(f"Validation {figures}. The run is in {out}.")
