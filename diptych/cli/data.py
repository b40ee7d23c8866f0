"""`diptych data`: list, describe, check and download data sets."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diptych.cli.console import say, shown_progress, spelt, write, write_json, write_table
from diptych.cli.options import ColumnsOption, DataArgument, DataRootOption, JsonOption, SplitSeedOption

if TYPE_CHECKING:
    from diptych.catalogue import CatalogueEntry

app = typer.Typer(help="List, describe, check and download data sets.", no_args_is_help=True, rich_markup_mode=None)


@app.command("list")
def list_sets(*, data_root: DataRootOption = None, json: JsonOption = False) -> None:
    """List the data sets that can be read, and where each one is."""
    from diptych import catalogue

    entries = catalogue.entries(root=data_root)
    if json:
        for entry in entries:
            write_json(asdict(entry))
        return
    rows = [(entry.name, entry.title, _whereabouts(entry), entry.licence) for entry in entries]
    write_table(("name", "contents", "location", "licence"), rows)


@app.command("stats")
def stats(
    data: DataArgument,
    *,
    split_seed: SplitSeedOption = None,
    columns: ColumnsOption = None,
    data_root: DataRootOption = None,
    json: JsonOption = False,
) -> None:
    """Count a data set's pairs, splits, classes, texts and words."""
    from diptych import catalogue

    with shown_progress() as progress:
        counts = catalogue.stats(data, root=data_root, split_seed=split_seed, columns=columns or (), progress=progress)
    if json:
        write_json(counts)
        return
    sizes = counts.pop("class_sizes")
    write_table(("what", "count"), [(name.replace("_", " "), _told(value)) for name, value in counts.items()])
    if sizes:
        write_table(("category", "pairs"), sizes.items())


@app.command("check")
def check(
    data: DataArgument,
    *,
    columns: ColumnsOption = None,
    data_root: DataRootOption = None,
    json: JsonOption = False,
) -> None:
    """Find every problem in a data set.

    Decodes every picture and reads every text. The exit code is 1 if there are problems.
    """
    from diptych import catalogue

    with shown_progress() as progress:
        kinds = catalogue.check(data, root=data_root, columns=columns or (), progress=progress)
    for kind, findings in kinds.items():
        if not json:
            write(f"{kind} ({len(findings):,})")
        for finding in findings:
            if json:
                write_json(finding.as_dict())
            else:
                write(f"  {finding}")
    total = sum(map(len, kinds.values()))
    say(f"{total:,} problems of {len(kinds)} kinds in {data}." if total else f"No problems in {data}.")
    if total:
        raise typer.Exit(1)


@app.command("get")
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A known data set, or the URL of an archive.")],
    *,
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="HEX", help="The checksum that you trust, if none is published.")
    ] = None,
    data_root: DataRootOption = None,
    json: JsonOption = False,
) -> None:
    """Download a data set, verify it and unpack it.

    Run the command again to continue an interrupted download.
    """
    from diptych import catalogue

    with shown_progress() as progress:
        folder = catalogue.get(name, root=data_root, sha256=sha256, progress=progress)
    if json:
        write_json({"path": str(folder)})
    else:
        write(str(folder))


@app.command("show")
def show(
    data: DataArgument,
    pair: Annotated[str, typer.Argument(metavar="ID", help="The pair's id.")],
    *,
    picture: Annotated[bool, typer.Option("--picture", help="Print only the path of the picture.")] = False,
    columns: ColumnsOption = None,
    data_root: DataRootOption = None,
    json: JsonOption = False,
) -> None:
    """Show one pair: the path of its picture, its texts and its categories."""
    from diptych import catalogue

    one = catalogue.pair(data, pair, root=data_root, columns=columns or ())
    if picture:
        write(str(one.image or ""))
    elif json:
        write_json(asdict(one))
    else:
        rows = [("picture", one.image), *(("text", text) for text in one.texts)]
        write_table((one.id, ""), [*rows, *(("category", category) for category in one.categories)])


def _whereabouts(entry: "CatalogueEntry") -> str:
    if entry.brought:
        return "the installation (extra demo)"
    if entry.place is not None:
        return str(entry.place)
    return f"not here: diptych data get {entry.name}" if entry.known_download else "give its path"


def _told(value: Any) -> Any:
    """Return a group of counts as one line: `train 800, val 100, test 100`."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {spelt(count)}" for name, count in value.items()) or None
    return value if value != "" else None
