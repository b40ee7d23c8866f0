"""`diptych evaluate`: how good a run is, in both directions."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from diptych.cli.console import shown_progress, spelt, write, write_json, write_table
from diptych.cli.options import (
    DataOption,
    DataRootOption,
    FusionOption,
    JsonOption,
    RelevantOption,
    RunArgument,
    SplitSeedOption,
    TextsOption,
)

DIRECTIONS = {"image_to_text": "image → text", "text_to_image": "text → image"}


def evaluate(
    run: RunArgument,
    *,
    data: DataOption = None,
    split: Annotated[str, typer.Option("--split", help="The split to evaluate.")] = "test",
    split_seed: SplitSeedOption = None,
    relevant: RelevantOption = None,
    texts: TextsOption = None,
    fusion: FusionOption = None,
    folds: Annotated[
        int, typer.Option("--folds", metavar="N", min=1, help="Evaluate N equal parts, each a gallery of its own.")
    ] = 1,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", help="Folder for per-query scores and curves; by default below RUN."),
    ] = None,
    data_root: DataRootOption = None,
    json: JsonOption = False,
) -> None:
    """Evaluate a run in both directions, in each space and fused.

    Saves the figures, the scores of every query and a plot of the precision-recall curves.
    """
    from diptych.retriever import Retriever

    parts = None if folds == 1 else f"folds{folds}"
    own = run / "evaluations" if run.is_dir() else None  # a run on the hub is not written to
    with shown_progress() as progress:
        evaluation = Retriever.load(run).evaluate(
            data,
            split=split,
            split_seed=split_seed,
            relevant=relevant,
            texts=texts,
            fusion=fusion,
            folds=folds,
            data_root=data_root,
            save=save or (own / _folder_name(data, split, split_seed, relevant, texts, fusion, parts) if own else None),
            progress=progress,
        )
    if json:
        write_json(evaluation.as_dict())
    else:
        write_figures(evaluation.as_dict())


def write_figures(figures: Mapping[str, Any]) -> None:
    """Print an evaluation as two tables: the spaces side by side, and the fused ranking in detail."""
    items = figures["items"]
    title = (
        f"{figures['method']} ({figures['preset']}) on {figures['data']}, {figures['split']}: "
        f"{items['images']:,} pictures, {items['texts']:,} texts"
        f"{', in folds: ' + str(figures['folds']) if 'folds' in figures else ''}"
    )
    write_table(("MAP", *DIRECTIONS.values(), "average"), list(_space_rows(figures)), title=title)
    names = list(figures["image_to_text"])
    rows = [(arrow, *(figures[direction][name] for name in names)) for direction, arrow in DIRECTIONS.items()]
    write_table(("fused", *names), rows)
    if figures["recall_sum"] is not None:
        write(f"Sum of R@1, R@5 and R@10 in both directions: {spelt(figures['recall_sum'])}.")
    for note in figures["notes"]:
        write(f"Note: {note}.")


def _space_rows(figures: Mapping[str, Any]) -> Iterator[tuple[str, float | None, float | None, float | None]]:
    for space, maps in figures["spaces"].items():
        yield (f"{space} space", *(maps[f"{direction}_map"] for direction in DIRECTIONS), maps["average_map"])
    fusion = figures["fusion"]
    weight = "" if fusion["weight"] is None else f", weight {fusion['weight']:.2f} chosen on {fusion['chosen_on']}"
    fused = (figures[direction]["map"] for direction in DIRECTIONS)
    yield (f"fused ({fusion['rule']}{weight})", *fused, figures["average_map"])
    yield ("chance", None, None, figures["chance_map"])


def _folder_name(data: str | None, split: str, split_seed: int | None, *options: str | None) -> str:
    """Return a folder name for one kind of evaluation.

    >>> _folder_name("sets/museum", "val", 3, None, "each", "rrf")
    'museum-val-seed3-each-rrf'
    >>> _folder_name(None, "test", None, None, None, None)
    'own-test'
    """
    seed = "" if split_seed is None else f"seed{split_seed}"
    parts = (Path(data).stem if data else "own", split, seed, *options)
    return "-".join(part for part in parts if part)
