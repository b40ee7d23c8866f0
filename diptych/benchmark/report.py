"""Reports of a benchmark: Markdown, LaTeX, CSV, JSON, and a page, one file each."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from diptych.benchmark.cell import DIRECTIONS
from diptych.benchmark.page import html_page
from diptych.benchmark.partner_retrieval import SHOWN, PartnerRow
from diptych.benchmark.published import NOTE, Figures
from diptych.benchmark.table import BenchmarkTable
from diptych.benchmark.wording import (
    FIGURES,
    HEADINGS,
    PARTNER_FIGURES,
    PARTNER_HEADINGS,
    PARTNER_NOTE,
    PUBLISHED_HEADING,
    facts,
    lines,
    ordered,
    partner_lines,
    published_figures,
)
from diptych.entrance import checks_arguments
from diptych.files import write_json, written_atomically

LATEX_LETTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "–": "--",
    "→": r"$\to$", "±": r"$\pm$", "−": "$-$",
}  # fmt: skip
PARTNER_COLUMNS = (
    *(f"{direction}_{metric}" for direction in DIRECTIONS for metric in SHOWN), "recall_sum", "recall_sum_se",
)  # fmt: skip
CSV_COLUMNS = (
    "method", "preset", "image_to_text", "text_to_image", "average", "std", "rank", "seconds", "search_seconds",
    "peak_megabytes", "significantly_below", *PARTNER_COLUMNS, "name",
)  # fmt: skip


@checks_arguments
def write_reports(table: BenchmarkTable, out: str | Path, published: Mapping[str, Figures] | None = None) -> None:
    """Write a table to a folder as table.json, table.md, table.tex, table.csv and report.html."""
    out = Path(out)
    write_json(out / "table.json", table.as_dict())
    texts = {
        "table.md": markdown(table, published),
        "table.tex": latex(table),
        "table.csv": csv_text(table),
        "report.html": html_page(table, published),
    }
    for name, text in texts.items():
        with written_atomically(out / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def markdown(table: BenchmarkTable, published: Mapping[str, Figures] | None = None) -> str:
    """Return a table in Markdown, with explanatory notes below.

    Published results of a method, if given, have a separate column and are marked as such.
    """
    headings = [*HEADINGS, *([PUBLISHED_HEADING] if published else [])]
    rows = [line.cells(_markdown_escaped, "**{}**".format) for line in lines(table)]
    if published:
        rows = [[*cells, published_figures(row, published)] for row, cells in zip(table.rows, rows, strict=True)]
    ruled = ["---:" if k in FIGURES else "---" for k in range(len(headings))]
    notes = [*_notes(table), *([NOTE] if published else [])]
    tables = [_markdown_table(headings, ruled, rows)]
    if partners := [[_markdown_escaped(cell) for cell in cells] for cells in partner_lines(table)]:
        ruled = ["---:" if k in PARTNER_FIGURES else "---" for k in range(len(PARTNER_HEADINGS))]
        tables = ordered(table, [*tables, _markdown_table(PARTNER_HEADINGS, ruled, partners)])
        notes.append(PARTNER_NOTE)
    return "\n".join([*tables, *(f"- {_markdown_escaped(note)}" for note in notes), ""])


def _markdown_table(headings: Sequence[str], ruled: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, ruled, *rows))


def latex(table: BenchmarkTable) -> str:
    """Return a table in LaTeX for the package booktabs, with its notes as comments above."""
    rows = [line.cells(_latex_escaped, r"\textbf{{{}}}".format) for line in lines(table)]
    tables, notes = [_latex_table(HEADINGS, FIGURES, rows)], _notes(table)
    if partners := [[_latex_escaped(cell) for cell in cells] for cells in partner_lines(table)]:
        tables = ordered(table, [*tables, _latex_table(PARTNER_HEADINGS, PARTNER_FIGURES, partners)])
        notes.append(PARTNER_NOTE)
    head = [r"% Needs \usepackage{booktabs}.", *(f"% {' '.join(note.split())}" for note in notes)]
    return "\n".join([*head, *tables])


def _latex_table(headings: Sequence[str], numeric: Sequence[int], rows: Sequence[Sequence[str]]) -> str:
    columns = "".join("r" if k in numeric else "l" for k in range(len(headings)))
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(_latex_escaped(heading) for heading in headings) + r" \\",
            r"\midrule",
            *(" & ".join(cells) + r" \\" for cells in rows),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def csv_text(table: BenchmarkTable) -> str:
    """Return the rows of a table with unrounded values; names of significantly better rows are separated by spaces."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    partners = {row.name: _partner_values(row) for row in (table.partners.rows if table.partners else ())}
    for row in table.rows:
        below = " ".join(row.significantly_below)
        writer.writerow({**row.as_dict(), "significantly_below": below, **partners.get(row.name, {})})
    return text.getvalue()


def _partner_values(row: PartnerRow) -> dict[str, float | None]:
    figures: dict[str, float | None] = {
        f"{d}_{metric}": value for d, own in row.figures.items() for metric, value in own.items()
    }
    return {**figures, "recall_sum": row.recall_sum, "recall_sum_se": row.standard_error}


def _notes(table: BenchmarkTable) -> list[str]:
    """Return the notes of a table, and the rows that are missing with their reasons."""
    missing = [f"{name}: not applicable: {reason}" for name, reason in table.not_applicable]
    return [*(f"{name}: {value}" for name, value in facts(table)), *missing]


def _markdown_escaped(text: str) -> str:
    return re.sub(r"([\\`*_<>\[\]|])", r"\\\1", " ".join(text.split()))


def _latex_escaped(text: str) -> str:
    return "".join(LATEX_LETTERS.get(letter, letter) for letter in " ".join(text.split()))
