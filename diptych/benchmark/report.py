"""Reports of a benchmark: Markdown, LaTeX, CSV, JSON, and a page, one file each."""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path

from diptych.benchmark.page import html_page
from diptych.benchmark.published import NOTE, Figures
from diptych.benchmark.table import BenchmarkTable
from diptych.benchmark.wording import FIGURES, HEADINGS, PUBLISHED_HEADING, facts, lines, published_figures
from diptych.files import write_json, written_atomically

LATEX_LETTERS = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "–": "--",
    "→": r"$\to$", "±": r"$\pm$", "−": "$-$",
}  # fmt: skip
CSV_COLUMNS = (
    "method", "preset", "image_to_text", "text_to_image", "average", "std", "rank", "seconds", "search_seconds",
    "peak_megabytes", "significantly_below",
)  # fmt: skip


def write_reports(table: BenchmarkTable, out: Path, published: Mapping[str, Figures] | None = None) -> None:
    """Write a table to a folder as table.json, table.md, table.tex, table.csv and report.html."""
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
    drawn = [f"| {' | '.join(cells)} |" for cells in (headings, ruled, *rows)]
    return "\n".join([*drawn, "", *(f"- {_markdown_escaped(note)}" for note in notes), ""])


def latex(table: BenchmarkTable) -> str:
    """Return a table in LaTeX for the package booktabs, with its notes as comments above."""
    columns = "".join("r" if k in FIGURES else "l" for k in range(len(HEADINGS)))
    return "\n".join(
        [
            r"% Needs \usepackage{booktabs}.",
            *(f"% {' '.join(note.split())}" for note in _notes(table)),
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(_latex_escaped(heading) for heading in HEADINGS) + r" \\",
            r"\midrule",
            *(" & ".join(line.cells(_latex_escaped, r"\textbf{{{}}}".format)) + r" \\" for line in lines(table)),
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
    for row in table.rows:
        writer.writerow({**row.as_dict(), "significantly_below": " ".join(row.significantly_below)})
    return text.getvalue()


def _notes(table: BenchmarkTable) -> list[str]:
    """Return the notes of a table, and the rows that are missing with their reasons."""
    missing = [f"{name}: not applicable: {reason}" for name, reason in table.not_applicable]
    return [*(f"{name}: {value}" for name, value in facts(table)), *missing]


def _markdown_escaped(text: str) -> str:
    return re.sub(r"([\\`*_<>\[\]|])", r"\\\1", " ".join(text.split()))


def _latex_escaped(text: str) -> str:
    return "".join(LATEX_LETTERS.get(letter, letter) for letter in " ".join(text.split()))
