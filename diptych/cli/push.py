"""`diptych push`: a run to the model hub."""

from typing import Annotated

import typer

from diptych.cli.console import shown_progress, write, write_json
from diptych.cli.options import CardSplitOption, JsonOption, LicenceOption, RunArgument


def push(
    run: RunArgument,
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Where it goes on the model hub.")],
    *,
    private: Annotated[bool, typer.Option("--private", help="Create the repository for you alone.")] = False,
    split: CardSplitOption = "test",
    licence: LicenceOption = None,
    json: JsonOption = False,
) -> None:
    """Upload a run to the model hub with a model card, for others to open as hub:OWNER/NAME.

    Sign in first: `hf auth login`, or HF_TOKEN. HF_ENDPOINT names another hub.
    """
    from diptych.retriever import Retriever

    with shown_progress() as progress:
        address = Retriever.load(run).push_to_hub(
            repository, private=private, split=split or None, licence=licence, progress=progress
        )
    if json:
        write_json({"run": str(run), "repository": repository, "address": address})
    else:
        write(f"The run is at {address}. Open it: diptych search hub:{repository} --data DATA --text TEXT")
