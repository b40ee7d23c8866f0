"""`diptych collection`: pictures and texts to search, from one folder to millions of items."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diptych.cli.console import LONGEST, say, shown_progress, spelt, write_json, write_table
from diptych.cli.options import (
    AddressOption,
    ColumnsOption,
    CpusPerWorkerOption,
    DataRootOption,
    GpusPerWorkerOption,
    JsonOption,
    MovedModelOption,
    OnOption,
    PicturesFromOption,
    SettingsOption,
    WhereOption,
    WorkersOption,
    cluster_of,
)

if TYPE_CHECKING:
    from diptych.collection import Added, Collection, StoredCollection

app = typer.Typer(
    help="Create, fill, list and maintain collections; `diptych search` searches them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

CollectionArgument = Annotated[
    str,
    typer.Argument(
        metavar="COLLECTION",
        help="A path, postgresql://USER@HOST/DATABASE#NAME or milvus://HOST:PORT#NAME; a folder of pictures can hold "
        "its own collection.",
    ),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A training run (its folder, or hub:OWNER/NAME), or conse or joint:NAME, which need no training.",
    ),
]
StartingModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A training run (its folder, or hub:OWNER/NAME), or one without training: siglip2, clip, mobileclip, "
        "conse or joint:NAME.",
    ),
]
ModelImageEncoderOption = Annotated[
    str | None, typer.Option("--image-encoder", metavar="NAME", help="The image encoder, if MODEL is not a run.")
]
ModelTextEncoderOption = Annotated[
    str | None, typer.Option("--text-encoder", metavar="NAME", help="The text encoder, if MODEL is not a run.")
]
RejectsOption = Annotated[
    Path,
    typer.Option("--rejects", metavar="FILE", help="File that lists the rejected items, with reasons."),
]
REJECTS = Path("rejects.jsonl")


@app.command("create")
def create(
    collection: CollectionArgument,
    *,
    model: StartingModelOption = None,
    image_encoder: ModelImageEncoderOption = None,
    text_encoder: ModelTextEncoderOption = None,
    setting: SettingsOption = None,
    half: Annotated[bool, typer.Option("--half", help="Store vectors in half precision.")] = False,
    exact_limit: Annotated[
        int, typer.Option("--exact-limit", metavar="N", min=0, help="Above this many items, use an approximate index.")
    ] = 200_000,
    recall: Annotated[
        float, typer.Option("--recall", metavar="R", help="Share of the exact top ten that the index must find.")
    ] = 0.99,
    rejects: RejectsOption = REJECTS,
    json: JsonOption = False,
) -> None:
    """Create a collection; a folder of pictures, or one with a manifest, is added at once.

    Without --model the best of siglip2, clip and mobileclip that is reachable here is taken, and conse if none is.
    """
    from diptych.collection import Collection

    with shown_progress() as progress:
        made = Collection.create(
            collection,
            model,
            image_encoder=image_encoder,
            text_encoder=text_encoder,
            settings=setting or (),
            half=half,
            exact_limit=exact_limit,
            recall=recall,
        )
        if made.choice:
            say(str(made.choice))
        added = made.add(collection, rejects=rejects, progress=progress) if made.has_source else None
    if added is not None:
        _tell(added, rejects, json=json)
    elif json:
        write_json(made.stats())
    else:
        say(f"Created an empty collection at {made.name}. Fill it: diptych collection add {made.name} FOLDER.")


@app.command("add")
def add(
    collection: CollectionArgument,
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE",
            help="A folder of pictures, a manifest, tar or Parquet file, a URL of one (s3://...), a data set's name, "
            "a picture, or - for stdin.",
        ),
    ],
    *,
    model: MovedModelOption = None,
    rejects: RejectsOption = REJECTS,
    columns: ColumnsOption = None,
    data_root: DataRootOption = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Remove items whose pictures were in the folders named and are gone.")
    ] = False,
    on: OnOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    cpus_per_worker: CpusPerWorkerOption = None,
    gpus_per_worker: GpusPerWorkerOption = None,
    json: JsonOption = False,
) -> None:
    """Upsert pictures and texts by id; unchanged items are skipped.

    The exit code is 1 if any items were rejected; the rejects file lists them.
    """
    cluster = cluster_of(on, address, workers, cpus_per_worker, gpus_per_worker)
    with opened_collection(collection, model) as opened, shown_progress() as progress:
        added = opened.add(
            *source,
            rejects=rejects,
            columns=columns or (),
            data_root=data_root,
            sync=sync,
            cluster=cluster,
            progress=progress,
        )
    _tell(added, rejects, json=json)


@app.command("remove")
def remove(
    collection: CollectionArgument,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID", help="Items to remove.")] = None,
    *,
    where: WhereOption = None,
    json: JsonOption = False,
) -> None:
    """Remove items by id or by a filter; picture files are not deleted."""
    if not ids and where is None:
        raise typer.BadParameter("name items by id, or by a filter.", param_hint="ID / --where")
    with opened_collection(collection) as opened:
        removed = opened.remove(ids or (), where=where)
    if json:
        write_json({"removed": removed})
    else:
        say(f"Removed {removed:,} item{'s' * (removed != 1)}.")


@app.command("list")
def list_items(
    collection: CollectionArgument,
    *,
    where: WhereOption = None,
    after: Annotated[str | None, typer.Option("--after", metavar="ID", help="Start after this id.")] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="Maximum number of items.")] = 20,
    json: JsonOption = False,
) -> None:
    """List items in order of id."""
    with stored_collection(collection) as opened:
        items = opened.items(where=where, after=after, limit=limit)
    if json:
        for n, identity in enumerate(items.ids):
            write_json({"id": identity, "image": items.images[n], "texts": items.texts[n], **items.metadata[n]})
        return
    rows = [
        (identity, items.images[n], shorten(" · ".join(items.texts[n]), LONGEST), _told(items.metadata[n]))
        for n, identity in enumerate(items.ids)
    ]
    write_table(("id", "picture", "texts", "metadata"), rows)


@app.command("stats")
def stats(collection: CollectionArgument, *, json: JsonOption = False) -> None:
    """Show what a collection holds, how it is searched and how much space it takes."""
    with stored_collection(collection) as opened:
        figures = opened.stats()
    if json:
        write_json(figures)
    else:
        write_table(("what", ""), [(name.replace("_", " "), _told(value)) for name, value in figures.items()])


@app.command("compact")
def compact(collection: CollectionArgument, *, json: JsonOption = False) -> None:
    """Free the space of replaced items; above the exact limit, build the index and tune it to its recall."""
    with opened_collection(collection) as opened:
        with shown_progress() as progress:
            opened.compact(progress=progress)
        figures = opened.stats()
    if json:
        write_json(figures)
    else:
        say(f"{opened.name} takes {figures['bytes'] / 2**20:,.1f} MB for {figures['items']:,} items.")


@app.command("moved")
def moved(
    collection: CollectionArgument,
    old: Annotated[str, typer.Argument(metavar="OLD", help="The folder, tar or URL where pictures were.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Where they are now.")],
    *,
    json: JsonOption = False,
) -> None:
    """Tell a collection where its pictures were moved to; nothing is encoded anew.

    Pictures in the collection's own folder, and in the album that holds it, move along and need no telling.
    """
    with stored_collection(collection) as opened:
        found = opened.moved(old, new)
    if json:
        write_json({"moved": found})
    else:
        say(f"{found:,} picture{'s are' if found != 1 else ' is'} looked for in {new} from now on.")


@app.command("reencode")
def reencode(
    collection: CollectionArgument,
    *,
    model: ModelOption,
    image_encoder: ModelImageEncoderOption = None,
    text_encoder: ModelTextEncoderOption = None,
    setting: SettingsOption = None,
    pictures_from: PicturesFromOption = None,
    rejects: RejectsOption = REJECTS,
    json: JsonOption = False,
) -> None:
    """Move a collection to another model; the old one answers searches until the move is complete."""
    with opened_collection(collection, pictures_from=pictures_from) as opened, shown_progress() as progress:
        moved = opened.reencode(
            model,
            image_encoder=image_encoder,
            text_encoder=text_encoder,
            settings=setting or (),
            rejects=rejects,
            progress=progress,
        )
    _tell(moved, rejects, json=json)


@contextmanager
def opened_collection(
    place: str, model: str | None = None, *, pictures_from: list[str] | None = None
) -> "Iterator[Collection]":
    """Yield the collection at a place."""
    from diptych.collection import Collection

    with Collection.open(place, model=model, pictures_from=pictures_from or ()) as collection:
        yield collection


@contextmanager
def stored_collection(place: str) -> "Iterator[StoredCollection]":
    """Yield the collection at a place, for what needs neither its model nor its pictures."""
    from diptych.collection import StoredCollection

    with StoredCollection.at(place) as collection:
        yield collection


def _tell(added: "Added", rejects: Path, *, json: bool) -> None:
    """Print how many items were added and rejected, and the notes; the exit code is 1 if any were rejected."""
    if json:
        write_json({**vars(added), "rejects": str(rejects) if added.rejected else None})
    else:
        counts = {name: n for name, n in vars(added).items() if name != "notes" and (n or name != "removed")}
        write_table(tuple(counts), [tuple(counts.values())])
        for note in added.notes:
            say(note[:1].upper() + note[1:])
    if added.rejected:
        say(f"Rejected {added.rejected:,} item{'s' * (added.rejected != 1)}; {rejects} says why.", always=True)
        raise typer.Exit(1)


def _told(value: Any) -> Any:
    """Return a group of values as one line: `year 2,010, category dog`."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(each)}" for name, each in value.items()) or None
    if isinstance(value, list | tuple):
        return ", ".join(spelt(each) for each in value)
    return spelt(value) if value is not None and not isinstance(value, str) else value
