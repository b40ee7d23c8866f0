"""`diptych benchmark`: all methods on identical features, splits and measures, as a table."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from diptych.cli.console import say, shown_progress, spelt, write, write_json, write_table
from diptych.cli.options import (
    IMAGE_ENCODER,
    TEXT_ENCODER,
    AddressOption,
    ColumnsOption,
    Context,
    CpusPerWorkerOption,
    DataRootOption,
    GpusPerWorkerOption,
    ImageEncoderOption,
    JsonOption,
    Named,
    OnOption,
    RelevantOption,
    TextEncoderOption,
    TextsOption,
    WorkersOption,
    cluster_of,
)

if TYPE_CHECKING:
    from diptych.benchmark.comparing import RowChange
    from diptych.benchmark.grid import Benchmark
    from diptych.benchmark.table import BenchmarkTable
    from diptych.cluster import Cluster

app = typer.Typer(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})

BUDGET = 6
ENCODERS = ("image_encoder.", "text_encoder.")
"""The prefixes of encoder settings; others are `METHOD.NAME=VALUE`."""


@app.callback()
def benchmark(
    context: Context,
    *,
    data: Annotated[str | None, Named] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for the results; finished work in it is reused.")
    ] = None,
    methods: Annotated[
        str,
        typer.Option("--methods", metavar="NAMES", help="all, or names separated by commas; NAME:PRESET for a preset."),
    ] = "all",
    split_seeds: Annotated[
        str,
        typer.Option("--split-seeds", metavar="SEEDS", help="official, or seeds of stratified splits: 0-4 or 0,3,7."),
    ] = "official",
    search_budget: Annotated[
        int,
        typer.Option(
            "--search-budget", metavar="N", min=1, help="Candidates that each method tries on validation data."
        ),
    ] = BUDGET,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="J", min=1, help="Processes at a time; by default one per core.")
    ] = None,
    posteriors: Annotated[
        bool,
        typer.Option(
            "--posteriors",
            help="Follow each row by one with the categories' posteriors beside the vectors, their share chosen on "
            "validation data.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed for candidates, initial weights and batches.")] = 0,
    features: Annotated[
        Path | None,
        typer.Option(
            "--features",
            metavar="FILE",
            help="Precomputed vectors instead of encoders: npz, parquet, mat; npz and mat can also replace DATA.",
        ),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Also print the published figures, which are on other features.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Change a setting of an encoder, image_encoder.side=380, or of a method, joint.model=open-clip:NAME. "
            "Repeatable.",
        ),
    ] = None,
    image_encoder: ImageEncoderOption = IMAGE_ENCODER,
    text_encoder: TextEncoderOption = TEXT_ENCODER,
    relevant: RelevantOption = None,
    texts: TextsOption = None,
    columns: ColumnsOption = None,
    data_root: DataRootOption = None,
    on: OnOption = None,
    address: AddressOption = None,
    workers: WorkersOption = None,
    cpus_per_worker: CpusPerWorkerOption = None,
    gpus_per_worker: GpusPerWorkerOption = None,
    json: JsonOption = False,
) -> None:
    """Compare methods on identical features, splits and measures.

    Each method has the same search budget on validation data and is evaluated once on test data. Repeat the command
    to continue an interrupted benchmark. DIR receives tables (Markdown, LaTeX, CSV, JSON) and a page, report.html.
    """
    if context.invoked_subcommand:
        return
    if features and data is None:
        data = str(features)
    if data is None or out is None:
        raise typer.BadParameter("this option is required.", param_hint="--out" if data else "--data")
    from diptych.benchmark.grid import Benchmark
    from diptych.benchmark.task import DataSource

    own = settings or []
    of_encoders = tuple(setting for setting in own if setting.startswith(ENCODERS))
    of_methods = tuple(setting for setting in own if not setting.startswith(ENCODERS))
    encoders = ("given", "given") if features else (image_encoder, text_encoder)
    named = tuple(columns or ())
    source = DataSource(data, data_root, features, *encoders, of_encoders, relevant, texts, named)
    names, seeds = tuple(methods.split(",")), read_seeds(split_seeds)
    cluster = cluster_of(on, address, workers, cpus_per_worker, gpus_per_worker)
    table = _run(Benchmark(source, out, names, seeds, search_budget, of_methods, seed, posteriors), jobs, cluster)
    _report(table, out, published=published, json=json)


def _run(grid: "Benchmark", jobs: int | None, cluster: "Cluster | None") -> "BenchmarkTable":
    try:
        with shown_progress() as progress:
            return grid.run(jobs=jobs, cluster=cluster, progress=progress)
    except KeyboardInterrupt:
        say(f"Interrupted. Run the same command again to continue in {grid.out}.", always=True)
        raise


def _report(table: "BenchmarkTable", out: Path, *, published: bool, json: bool) -> None:
    """Write every form of a table into a folder and print one."""
    from diptych.benchmark.published import PUBLISHED
    from diptych.benchmark.report import write_reports

    beside = PUBLISHED.get(table.data) if published else None
    if published and beside is None:
        say(f"Note: no published figures for {table.data}; diptych has those for {', '.join(PUBLISHED)}.")
    write_reports(table, out, beside)
    if json:
        write_json(table.as_dict())
        return
    write_result(table.as_dict(), beside)
    write(f"The tables and report.html are in {out}.")


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="The folder of one benchmark.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The folder of another.")],
    *,
    show: Annotated[int, typer.Option("--show", metavar="N", min=0, help="Queries to list for each method.")] = 5,
    json: JsonOption = False,
) -> None:
    """Compare two benchmarks query by query."""
    from diptych.benchmark.comparing import compare

    rows = compare(before, after, show=show)
    if json:
        write_json({"before": str(before), "after": str(after), "rows": [row.as_dict() for row in rows]})
        return
    columns = ("method", "splits", "queries", "MAP of A", "MAP of B", "B - A", "p", "gained", "lost")
    write_table(columns, [_change(row) for row in rows], title=f"A: {before}, B: {after}")
    for row in rows:
        if row.largest:
            write(f"{row.name}, most changed:")
        for change in row.largest:
            arrow = change.direction.replace("_", " ")
            write(f"  {change.id}, {arrow}, split {change.split}: {spelt(change.before)} → {spelt(change.after)}")


def read_seeds(text: str) -> tuple[int | None, ...]:
    """Return the splits that a text names.

    >>> read_seeds("0-2,7")
    (0, 1, 2, 7)
    >>> read_seeds("official")
    (None,)
    """
    return tuple(seed for part in text.split(",") for seed in _seeds(part.strip()))


def _seeds(part: str) -> Iterator[int | None]:
    first, dash, last = part.partition("-")
    if part == "official":
        yield None
    elif first.isdecimal() and not dash:
        yield int(first)
    elif first.isdecimal() and last.isdecimal() and int(first) <= int(last):
        yield from range(int(first), int(last) + 1)
    else:
        raise typer.BadParameter(
            f"must be official, or seeds such as 0-4 or 0,3,7; got {part!r}.", param_hint="--split-seeds"
        )


def write_result(table: Mapping[str, Any], beside: Mapping[str, Any] | None) -> None:
    """Print the table with its significant differences, and the methods that do not apply with the reason."""
    columns = ["method", "image → text", "text → image", "average", "±", "rank", "seconds", "significantly below"]
    if beside is not None:
        columns.append("published")
    budget = table["search_budget"]
    title = (
        f"MAP on {table['data']}, {'splits' if len(table['splits']) > 1 else 'split'} {', '.join(table['splits'])}, "
        f"{budget} candidate{'s' * (budget > 1)} each"
    )
    by_partner = table["relevant"] == "partner"
    if by_partner:
        _write_partners(table)
    write_table(columns, [_cells(row, beside) for row in table["rows"]], title=title)
    if not by_partner:
        _write_partners(table)
    if beside is not None:
        from diptych.benchmark.published import NOTE

        write(f"Note: {NOTE}")
    for row in table["not_applicable"]:
        write(f"Not applicable: {row['method']}: {row['reason'].rstrip('.')}.")


def _write_partners(table: Mapping[str, Any]) -> None:
    """Print the table of partner retrieval, if the benchmark has one."""
    if not table["partners"]:
        return
    recalls = [(direction, k) for direction in ("image_to_text", "text_to_image") for k in (1, 5, 10)]
    arrows = {"image_to_text": "→ text", "text_to_image": "→ image"}
    columns = ("method", *(f"{arrows[direction]} R@{k}" for direction, k in recalls), "sum", "±")
    rows = [
        (
            row["name"],
            *(row["figures"][direction][f"r@{k}"] for direction, k in recalls),
            row["recall_sum"],
            row["standard_error"],
            ", ".join(row["significantly_below"]) or None,
        )
        for row in table["partners"]["rows"]
    ]
    write_table((*columns, "significantly below"), rows, title=f"Partner retrieval on {table['data']}")


def _cells(row: Mapping[str, Any], beside: Mapping[str, Any] | None) -> Sequence[object]:
    name = row["name"]
    figures = (row["image_to_text"], row["text_to_image"], row["average"], row["std"], row["rank"], row["seconds"])
    cells = [name, *figures, ", ".join(row["significantly_below"]) or None]
    if beside is not None:
        cells.append(beside[name].average if name in beside else None)
    return cells


def _change(row: "RowChange") -> Sequence[object]:
    difference = row.after - row.before
    splits = ", ".join(row.splits)
    return (row.name, splits, row.queries, row.before, row.after, difference, row.p, row.gained, row.lost)
