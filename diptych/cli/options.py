"""Arguments that several verbs take."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from diptych.cluster import Cluster

DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A data set's name (see `diptych data list`), or a manifest, tar, Parquet file, folder or URL of one.",
    ),
]
Named = typer.Option("--data", metavar="DATA", help="A data set's name, or a manifest or folder.")
"""For verbs that take one where others have it as an argument."""
DataOption = Annotated[
    str | None,
    typer.Option("--data", metavar="DATA", help="A data set's name or path; left out, the one it was trained on."),
]
DataRootOption = Annotated[
    Path | None, typer.Option("--data-root", metavar="DIR", help="Look for named data sets in this folder first.")
]
ImageEncoderOption = Annotated[
    str,
    typer.Option(
        "--image-encoder",
        metavar="NAME",
        help="What turns pictures into vectors: efficientnet-lite0, efficientnet-lite2, vgg19:PATH, onnx:PATH, "
        "timm:NAME, open-clip:NAME, transformers:NAME, or given.",
    ),
]
TextEncoderOption = Annotated[
    str,
    typer.Option(
        "--text-encoder",
        metavar="NAME",
        help="What turns texts into vectors: minilm, glove, glove:PATH, word2vec:PATH, sentence-transformers:NAME, "
        "open-clip:NAME, transformers:NAME, or given.",
    ),
]
FusionOption = Annotated[
    str | None, typer.Option("--fusion", metavar="RULE", help="Fuse the spaces by this rule, not the run's own.")
]
WhereOption = Annotated[
    str | None,
    typer.Option("--where", metavar="FILTER", help="Only items such as \"category = 'dog' and year > 2010\"."),
]
MovedModelOption = Annotated[
    str | None, typer.Option("--model", metavar="RUN", help="Where the run of the collection lies now, if it moved.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that `diptych train` wrote.")]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change one setting: image_encoder.side=380. Repeatable."),
]
SplitSeedOption = Annotated[
    int | None,
    typer.Option("--split-seed", metavar="S", min=0, help="Draw a stratified 80/10/10 split with this seed."),
]
OnOption = Annotated[
    Literal["ray"] | None,
    typer.Option("--on", help="Where to work: ray spreads it over the workers of a Ray cluster; left out, here."),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="With --on ray: the cluster; left out, one is started on this machine."
    ),
]
WorkersOption = Annotated[
    str | None,
    typer.Option(
        "--workers", metavar="N", help="With --on ray: how many, or MIN-MAX; left out, as many as there is room for."
    ),
]
CpusPerWorkerOption = Annotated[
    float | None, typer.Option("--cpus-per-worker", metavar="C", help="With --on ray: processors of each; one.")
]
GpusPerWorkerOption = Annotated[
    float | None,
    typer.Option("--gpus-per-worker", metavar="G", help="With --on ray: GPUs of each; one where there are any."),
]


def cluster_of(
    on: str | None, address: str | None, workers: str | None, cpus: float | None, gpus: float | None
) -> "Cluster | None":
    """Return the cluster that the options ask for; None for work on this machine."""
    from diptych.cluster import Cluster

    if on is None:
        if any(option is not None for option in (address, workers, cpus, gpus)):
            raise typer.BadParameter(
                "it says how to work on a cluster: add --on ray.", param_hint="--address, --workers"
            )
        return None
    return Cluster(address, None if workers is None else read_workers(workers), 1.0 if cpus is None else cpus, gpus)


def read_workers(text: str) -> tuple[int, int]:
    """Return how many workers a text asks for, at least and at most.

    >>> read_workers("4"), read_workers("2-16")
    ((4, 4), (2, 16))
    """
    least, dash, most = text.partition("-")
    if not least.isdecimal() or (dash and not most.isdecimal()):
        raise typer.BadParameter(f"it must be N or MIN-MAX; got {text!r}.", param_hint="--workers")
    return int(least), int(most or least)


IMAGE_ENCODER = "efficientnet-lite2"
TEXT_ENCODER = "minilm"
