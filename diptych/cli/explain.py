"""`diptych explain`: which regions and which words made a picture and a text match."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diptych.cli.console import say, shown_progress, write, write_json, write_table
from diptych.cli.options import (
    DataOption,
    DataRootOption,
    FusionOption,
    JsonOption,
    MovedModelOption,
    PicturesFromOption,
    drawn_or_page,
)
from diptych.errors import MissingData

if TYPE_CHECKING:
    from diptych.retriever import Explanation

STRONGEST = 3
"""How many words or regions a table names."""


def explain(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="The folder of a training run; omit it with --collection.")
    ] = None,
    *,
    image: Annotated[Path | None, typer.Option("--image", metavar="FILE", help="The picture.")] = None,
    text: Annotated[str | None, typer.Option("--text", metavar="TEXT", help="The text.")] = None,
    collection: Annotated[
        str | None,
        typer.Option("--collection", metavar="PLACE", help="Explain the hits of a search in this collection."),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option("--query", metavar="TEXT", help="The text to search the collection for; or use --image."),
    ] = None,
    hits: Annotated[int, typer.Option("--hits", metavar="N", min=1, help="How many hits to explain.")] = 5,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="FILE",
            callback=drawn_or_page,
            help="Save as a page (.html) or a drawing (.png, .jpg, .webp, .pdf).",
        ),
    ] = None,
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="Explain a picture by its pixels too, through the image network; takes seconds."),
    ] = False,
    fusion: FusionOption = None,
    model: MovedModelOption = None,
    pictures_from: PicturesFromOption = None,
    data: DataOption = None,
    split: Annotated[
        str, typer.Option("--split", help="Normalise fusion over the pictures in this split of the run's data set.")
    ] = "val",
    data_root: DataRootOption = None,
    json: JsonOption = False,
) -> None:
    """Show which regions of a picture and which words of a text made them match, in each space and fused.

    For one pair, with a run: `explain RUN --image F --text T`. For the hits of a search:
    `explain --collection C --query T`.
    """
    if (run is None) == (collection is None):
        raise typer.BadParameter("give either a run or a collection.", param_hint="RUN / --collection")
    if collection is not None:
        _refuse({"--text": text, "--data": data, "--data-root": data_root})
        if (query is None) == (image is None):
            raise typer.BadParameter("give either a text or a picture.", param_hint="--query / --image")
        explanations = _of_hits(
            collection, query, image, hits=hits, pixels=pixels, fusion=fusion, model=model, pictures_from=pictures_from
        )
    else:
        _refuse({"--query": query, "--model": model, "--pictures-from": pictures_from})
        if image is None or text is None:
            raise typer.BadParameter(
                "to explain a pair with a run, give a picture and a text.", param_hint="--image / --text"
            )
        from diptych.retriever import Retriever

        with shown_progress() as progress:
            explanation = Retriever.load(Path(str(run))).explain(
                image,
                text,
                fusion=fusion,
                data=data,
                split=split,
                data_root=data_root,
                pixels=pixels,
                progress=progress,
            )
        explanations = [("", explanation)]
    _tell(explanations, save, json=json)


def _of_hits(
    place: str,
    query: str | None,
    image: Path | None,
    *,
    hits: int,
    pixels: bool,
    fusion: str | None,
    model: str | None,
    pictures_from: list[str] | None,
) -> "list[tuple[str, Explanation]]":
    """Return explanations of the best hits of a search; skip a hit whose picture is gone, with a message."""
    from diptych.collection import Collection

    with Collection.open(place, model=model, pictures_from=pictures_from or ()) as collection:
        side = "image" if query is not None else "text"
        explanations = []
        for hit in collection.search(query, image=image, against=side, k=hits, fusion=fusion).hits:
            try:
                why = collection.explain(hit.id, text=query, image=image, fusion=fusion, pixels=pixels)
                explanations.append((hit.id, why))
            except MissingData as error:
                say(str(error), always=True)
        return explanations


def _refuse(options: dict[str, object]) -> None:
    """Refuse an option that this kind of explanation would leave unread."""
    for flag, value in options.items():
        if value is not None:
            raise typer.BadParameter(
                "only for the other kind of explanation: a run's pair or a collection's hits.", param_hint=flag
            )


def _tell(explanations: "list[tuple[str, Explanation]]", save: Path | None, *, json: bool) -> None:
    for identity, explanation in explanations:
        record = explanation.as_record()
        if json:
            write_json({"id": identity, **record} if identity else record)
        else:
            _write(record, title=f"{identity}: {explanation.text}" if identity else explanation.text)
    if save is not None and explanations:
        from diptych.retriever import save_explanations

        save_explanations([explanation for _, explanation in explanations], save)
        say(f"Saved to {save}.")


def _write(record: dict[str, Any], *, title: str) -> None:
    """Print the similarities, with the strongest words and regions by each way."""
    spaces = [(each["name"], each["similarity"], each["ways"]) for each in record["spaces"]]
    if len(spaces) > 1:
        spaces.append(("fused", record["fused"], record["fused_ways"]))
    rows = [
        (name, similarity, way, _words(record, values["words"]), _regions(values["image"]))
        for name, similarity, ways in spaces
        for way, values in ways.items()
    ]
    write_table(("space", "similarity", "way", "words", "regions (row, column)"), rows, title=title)
    for reason in dict.fromkeys(v["reason"] for _, _, ways in spaces for v in ways.values() if "reason" in v):
        write(f"Note: {reason}")


def _words(record: dict[str, Any], values: list[float]) -> str:
    order = _order(values)
    return ", ".join(f"{record['words'][k]['text']} {values[k]:+.3f}" for k in order) or "–"


def _regions(values: list[float]) -> str:
    """Return the strongest regions of a square grid, counted from 1 at the top left."""
    side = max(1, round(len(values) ** 0.5))
    return ", ".join(f"({k // side + 1}, {k % side + 1}) {values[k]:+.3f}" for k in _order(values)) or "–"


def _order(values: list[float]) -> list[int]:
    return sorted(range(len(values)), key=lambda k: -abs(values[k]))[:STRONGEST]
