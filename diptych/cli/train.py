"""`diptych train`: from a data set to a run folder."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.console import say, shown_progress, spelt, write, write_json
from diptych.cli.options import (
    IMAGE_ENCODER,
    TEXT_ENCODER,
    DataRoot,
    ImageEncoder,
    Json,
    Named,
    Settings,
    SplitSeed,
    TextEncoder,
)


def train(
    method: Annotated[
        str, typer.Argument(metavar="METHOD", help="What to train: mcsm, or one it is compared with, such as cca.")
    ],
    *,
    data: Annotated[str, Named],
    out: Annotated[Path, typer.Option("--out", metavar="RUN", help="The folder to write; it must not exist yet.")],
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="default (the best), paper or released.")
    ] = "default",
    seed: Annotated[int, typer.Option("--seed", help="Draws the first weights and the batches.")] = 0,
    split_seed: SplitSeed = None,
    settings: Settings = None,
    image_encoder: ImageEncoder = IMAGE_ENCODER,
    text_encoder: TextEncoder = TEXT_ENCODER,
    data_root: DataRoot = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in RUN where it stopped.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard events below RUN too; an extra.")
    ] = False,
    json: Json = False,
) -> None:
    """Train a method on a data set and write a run folder.

    What the cache lacks is encoded first. The split test is not read, except under a preset called transductive, and
    then without its categories.
    """
    from diptych.retriever import Retriever

    try:
        with shown_progress() as progress:
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
                data_root=data_root,
                resume=resume,
                tensorboard=tensorboard,
                progress=progress,
            )
            validation = retriever.evaluate(split="val", data_root=data_root, progress=progress).as_dict()
    except KeyboardInterrupt:
        say(f"Interrupted. Give the same command with --resume to continue in {out}.")
        raise
    if json:
        write_json({"run": str(out), "validation": validation})
        return
    for note in validation["notes"]:
        write(f"Note: {note}.")
    write(f"Validation MAP {spelt(validation['average_map'])}, both directions averaged. The run lies in {out}.")
