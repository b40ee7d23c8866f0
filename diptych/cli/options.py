"""Arguments that several verbs take."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from diptych.files import check_drawn
from diptych.relevance import Relevant, TextItems

if TYPE_CHECKING:
    from typer import Context as Context

    from diptych.cluster import Cluster
else:
    Context = typer.Context.__bases__[0]  # what typer passes is no instance of the class that it names


def drawn(path: Path | None) -> Path | None:
    """Return where a drawing is saved, if anywhere; refuse a suffix that names no format before anything is done."""
    if path is not None:
        check_drawn(path)
    return path


def drawn_or_page(path: Path | None) -> Path | None:
    """Return where a drawing or a page is saved, if anywhere; refuse other suffixes before anything is done."""
    if path is not None:
        check_drawn(path, page=True)
    return path


DataArgument = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A data set's name (see `diptych data list`), or a manifest, tar, Parquet file, folder or URL of one.",
    ),
]
Named = typer.Option("--data", metavar="DATA", help="A data set's name, or a manifest or folder.")
"""For verbs that take DATA as an option where others take it as an argument."""
DataOption = Annotated[
    str | None,
    typer.Option("--data", metavar="DATA", help="A data set's name or path; by default the one of the run."),
]
DataRootOption = Annotated[
    Path | None, typer.Option("--data-root", metavar="DIR", help="Look for named data sets in this folder first.")
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="MEANING=COLUMN",
        help="Which column of a manifest is the image, text, category, id or split, if its name does not say so: "
        "text=title. Repeatable.",
    ),
]
ImageEncoderOption = Annotated[
    str,
    typer.Option(
        "--image-encoder",
        metavar="NAME",
        help="The image encoder: efficientnet-lite0, efficientnet-lite2, vgg19:PATH, onnx:PATH, "
        "timm:NAME, transformers:NAME, open-clip:NAME, or given.",
    ),
]
TextEncoderOption = Annotated[
    str,
    typer.Option(
        "--text-encoder",
        metavar="NAME",
        help="The text encoder: minilm, glove, glove:PATH, word2vec:PATH, sentence-transformers:NAME, "
        "transformers:NAME, open-clip:NAME, or given.",
    ),
]
FusionOption = Annotated[
    str | None, typer.Option("--fusion", metavar="RULE", help="Fuse the spaces by this rule, not the run's own.")
]
WhereOption = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="FILTER", help="Only items that match a filter such as \"category = 'dog' and year > 2010\"."
    ),
]
MovedModelOption = Annotated[
    str | None, typer.Option("--model", metavar="RUN", help="The new location of the collection's run, if it moved.")
]
PicturesFromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--pictures-from",
        metavar="DIR",
        help="Read pictures of the collection from this folder too, though they were not added from it here. "
        "Repeatable.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]
FormOption = Annotated[
    Literal["table", "json", "paths", "tsv"],
    typer.Option("--format", metavar="FORM", help="table, json, tsv, or paths: those of the pictures, one a line."),
]
SideOption = Annotated[
    str | None,
    typer.Option("--side", metavar="SIDE", help="Compare the image or the text of items; by default pictures."),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="The folder that `diptych train` wrote, or hub:OWNER/NAME.")
]
CardSplitOption = Annotated[
    str, typer.Option("--split", help="The split whose figures the model card tells; empty for none.")
]
LicenceOption = Annotated[
    str | None,
    typer.Option("--licence", metavar="NAME", help="The terms that you give the run under, such as apache-2.0."),
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change one setting: image_encoder.side=380. Repeatable."),
]
SplitSeedOption = Annotated[
    int | None,
    typer.Option("--split-seed", metavar="S", min=0, help="Draw a stratified 80/10/10 split with this seed."),
]
RelevantOption = Annotated[
    Relevant | None,
    typer.Option(
        "--relevant",
        help="What counts as right: the category, or the very partner, or both. By default the category, if there are "
        "categories; `evaluate` does as training did.",
    ),
]
TextsOption = Annotated[
    TextItems | None,
    typer.Option(
        "--texts",
        help="joined: the texts of a pair form one item. each: every text is an item. By default each where partners "
        "count.",
    ),
]
OnOption = Annotated[
    Literal["ray"] | None,
    typer.Option("--on", help="ray: spread the work over a Ray cluster; by default it runs on this machine."),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="With --on ray: the cluster; by default one is started on this machine."
    ),
]
WorkersOption = Annotated[
    str | None,
    typer.Option(
        "--workers", metavar="N", help="With --on ray: the number of workers, or MIN-MAX; by default as many as fit."
    ),
]
CpusPerWorkerOption = Annotated[
    float | None,
    typer.Option("--cpus-per-worker", metavar="C", help="With --on ray: processors per worker; by default one."),
]
GpusPerWorkerOption = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-worker", metavar="G", help="With --on ray: GPUs per worker; by default one if there are any."
    ),
]


def cluster_of(
    on: str | None, address: str | None, workers: str | None, cpus: float | None, gpus: float | None
) -> "Cluster | None":
    """Return the cluster that the options ask for; None for work on this machine."""
    from diptych.cluster import Cluster

    if on is None:
        if any(option is not None for option in (address, workers, cpus, gpus)):
            raise typer.BadParameter("only for work on a cluster: add --on ray.", param_hint="--address, --workers")
        return None
    return Cluster(address, None if workers is None else read_workers(workers), 1.0 if cpus is None else cpus, gpus)


def read_workers(text: str) -> tuple[int, int]:
    """Return the minimum and maximum number of workers that a text specifies.

    >>> read_workers("4"), read_workers("2-16")
    ((4, 4), (2, 16))
    """
    least, dash, most = text.partition("-")
    if not least.isdecimal() or (dash and not most.isdecimal()):
        raise typer.BadParameter(f"must be N or MIN-MAX; got {text!r}.", param_hint="--workers")
    return int(least), int(most or least)


IMAGE_ENCODER = "efficientnet-lite2"
TEXT_ENCODER = "minilm"
