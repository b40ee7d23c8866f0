"""`diptych collection export`: items and their vectors in files for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from diptych.cli.collection import CollectionArgument, stored_collection
from diptych.cli.console import say, shown_progress, write_json
from diptych.cli.options import JsonOption, WhereOption


def collection_export(
    collection: CollectionArgument,
    *,
    vectors: Annotated[
        Path | None, typer.Option("--vectors", metavar="FILE", help="A .parquet, for items with their vectors.")
    ] = None,
    rows: Annotated[
        Path | None, typer.Option("--rows", metavar="FILE", help="A .csv or .jsonl, for items without vectors.")
    ] = None,
    where: WhereOption = None,
    json: JsonOption = False,
) -> None:
    """Write items into a file: paths, texts, metadata, and in Parquet the vectors of each side and space."""
    wanted = {"--vectors": (vectors, (".parquet",)), "--rows": (rows, (".csv", ".jsonl"))}
    if vectors is None and rows is None:
        raise typer.BadParameter("name the file to write.", param_hint="--vectors / --rows")
    for flag, (file, suffixes) in wanted.items():
        if file is not None and file.suffix.lower() not in suffixes:
            raise typer.BadParameter(f"must be a {' or '.join(suffixes)}; got '{file}'.", param_hint=flag)
    for file in filter(None, (vectors, rows)):
        with stored_collection(collection) as opened, shown_progress() as progress:
            count = opened.export(file, where=where, progress=progress)
        if json:
            write_json({"file": str(file), "items": count})
        else:
            say(f"Wrote {count:,} item{'s' * (count != 1)} to {file}.")
