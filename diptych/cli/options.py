"""Arguments that several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A data set's name (see `diptych data list`), or a manifest or folder.")
]
Named = typer.Option("--data", metavar="DATA", help="A data set's name, or a manifest or folder.")
"""For verbs that take one where others have it as an argument."""
DataOption = Annotated[
    str | None,
    typer.Option("--data", metavar="DATA", help="A data set's name or path; left out, the one it was trained on."),
]
DataRoot = Annotated[
    Path | None, typer.Option("--data-root", metavar="DIR", help="Look for named data sets in this folder first.")
]
ImageEncoder = Annotated[
    str,
    typer.Option(
        "--image-encoder",
        metavar="NAME",
        help="What turns pictures into vectors: efficientnet-lite0, efficientnet-lite2, vgg19:PATH, onnx:PATH, "
        "timm:NAME, open-clip:NAME, transformers:NAME, or given.",
    ),
]
TextEncoder = Annotated[
    str,
    typer.Option(
        "--text-encoder",
        metavar="NAME",
        help="What turns texts into vectors: minilm, glove, glove:PATH, word2vec:PATH, sentence-transformers:NAME, "
        "open-clip:NAME, transformers:NAME, or given.",
    ),
]
Fusion = Annotated[
    str | None, typer.Option("--fusion", metavar="RULE", help="Fuse the spaces by this rule, not the run's own.")
]
Where = Annotated[
    str | None,
    typer.Option("--where", metavar="FILTER", help="Only items such as \"category = 'dog' and year > 2010\"."),
]
Moved = Annotated[
    str | None, typer.Option("--model", metavar="RUN", help="Where the run of the collection lies now, if it moved.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of a table.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder that `diptych train` wrote.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Change one setting: image_encoder.side=380. Repeatable."),
]
SplitSeed = Annotated[
    int | None,
    typer.Option("--split-seed", metavar="S", min=0, help="Draw a stratified 80/10/10 split with this seed."),
]

IMAGE_ENCODER = "efficientnet-lite2"
TEXT_ENCODER = "minilm"
