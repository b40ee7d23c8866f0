"""The tables of a benchmark's page."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import isnan

from diptych.benchmark.published import Figures
from diptych.benchmark.table import LEVEL, BenchmarkTable
from diptych.benchmark.wording import (
    FIGURES,
    HEADINGS,
    NOTHING,
    PARTNER_FIGURES,
    PARTNER_HEADINGS,
    PARTNER_TITLE,
    PUBLISHED_HEADING,
    PrintedRow,
    duration,
    figure,
    letters_of,
    lines,
    partner_lines,
    probability,
    published_figures,
    settings_by_split,
    signed,
)
from diptych.drawing.markup import Markup, joined, tag
from diptych.measures.significance import PairedComparison

STRONGEST = 45
"""Tint in percent for the largest difference, at which text stays readable."""
SIGNIFICANT = 25
"""Tint in percent for a significant difference."""
MORE_HEADINGS = ("search, seconds", "memory, MB")


def data_table(
    caption: str, headings: Sequence[Markup], rows: Iterable[Sequence[Markup]], *, class_: str | None = None
) -> Markup:
    """Return a table with its caption, in a container that scrolls on narrow pages.

    Headings and rows are cells, `th` or `td`.
    """
    head = tag("thead", tag("tr", *headings))
    body = tag("tbody", *(tag("tr", *cells) for cells in rows))
    whole = tag("table", tag("caption", tag("span", caption)), head, body, class_=class_)
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def heading(text: str, *, number: bool = False) -> Markup:
    """Return the heading of a column."""
    return tag("th", text, scope="col", class_="number" if number else None)


def row_heading(text: str) -> Markup:
    """Return the heading of a row: a name that stays visible when the table scrolls."""
    return tag("th", tag("code", text), scope="row", class_="named")


def results_table(table: BenchmarkTable, published: Mapping[str, Figures] | None) -> Markup:
    """Return the table of all rows; published results are marked as such."""
    numeric = [k in FIGURES for k in range(len(HEADINGS))]
    headings = [heading(text, number=number) for text, number in zip(HEADINGS, numeric, strict=True)]
    headings += [tag("th", text, scope="col", class_="number narrow") for text in MORE_HEADINGS]
    rows = [_result_cells(line) for line in lines(table)]
    if published:
        headings.append(tag("th", PUBLISHED_HEADING, scope="col", class_="number foreign"))
        for row, cells in zip(table.rows, rows, strict=True):
            cells.append(tag("td", published_figures(row, published), class_="number foreign"))
    caption = f"MAP on {table.data}; letters name rows that are significantly behind or ahead (p < {figure(LEVEL, 2)})"
    return data_table(caption, headings, rows, class_="sortable")


def partners_table(table: BenchmarkTable) -> Markup:
    """Return the table of partner retrieval."""
    headings = [heading(text, number=k in PARTNER_FIGURES) for k, text in enumerate(PARTNER_HEADINGS)]
    rows = [
        [
            tag("td", letter),
            row_heading(name),
            *(tag("td", cell, class_="number" if k in PARTNER_FIGURES else None) for k, cell in enumerate(cells, 2)),
        ]
        for letter, name, *cells in partner_lines(table)
    ]
    return data_table(f"{PARTNER_TITLE} on {table.data}", headings, rows, class_="sortable")


def differences_table(table: BenchmarkTable) -> Markup:
    """Return the matrix of pairwise comparisons: differences above the diagonal, adjusted p-values below."""
    letters = letters_of(table)
    pairs = {(pair.first, pair.second): pair for pair in table.comparisons.pairs}
    rows = [
        [
            row_heading(one),
            tag("td", letter),
            *(_pair_cell(pairs, one, other, above=i < j) for j, other in enumerate(letters)),
        ]
        for i, (one, letter) in enumerate(letters.items())
    ]
    headings = [heading("method"), heading("row"), *(heading(letter, number=True) for letter in letters.values())]
    caption = (
        "Above the diagonal: mean average precision of the row less that of the column. Below it: the p-value of that "
        f"difference after Holm's correction. Bold and tinted: p < {figure(LEVEL, 2)}."
    )
    return data_table(caption, headings, rows)


def categories_table(table: BenchmarkTable) -> Markup:
    """Return each category's MAP under the first row, and the difference of the other rows from it."""
    first, *others = [row.name for row in table.rows if row.name in table.categories]
    figures = table.categories
    differences = [abs(figures[other][category] - own) for other in others for category, own in figures[first].items()]
    largest = max((value for value in differences if not isnan(value)), default=0)
    rows = [
        [
            tag("th", category, scope="row", class_="named"),
            tag("td", figure(own, 2), class_="number"),
            *(_difference_cell(figures[other][category] - own, largest) for other in others),
        ]
        for category, own in figures[first].items()
    ]
    headings = [
        heading("category"),
        *(tag("th", tag("code", n), scope="col", class_="number") for n in (first, *others)),
    ]
    caption = (
        f"Mean average precision of {first} in each category, both directions and all splits, and how far the other "
        "methods are above (+) or below (−) it."
    )
    return data_table(caption, headings, rows)


def settings_table(table: BenchmarkTable, titles: Mapping[str, str]) -> Markup:
    """Return a description of each row, and the chosen changes to its preset for each split."""
    rows = []
    for row in table.rows:
        changed = [tag("td", *_setting_lines(settings)) for _, settings in settings_by_split(table, row)]
        title = tag("td", titles.get(row.method, "expected at random" if not row.chosen else ""), class_="wide")
        rows.append([row_heading(row.name), title, *(changed or [tag("td", NOTHING) for _ in table.splits])])
    headings = [heading("method"), heading("what it is"), *(heading(f"split {split}") for split in table.splits)]
    return data_table("Settings chosen on validation data that differ from the preset", headings, rows)


def _result_cells(line: PrintedRow) -> list[Markup]:
    texts = line.cells(escape, lambda text: f"<strong>{text}</strong>")
    cells = [tag("td", Markup(text), class_="number" if k in FIGURES else None) for k, text in enumerate(texts)]
    cells[1] = row_heading(line.row.name)
    memory = NOTHING if line.row.peak_megabytes is None else f"{line.row.peak_megabytes:,.0f}"
    return [*cells, *(tag("td", text, class_="number") for text in (duration(line.row.search_seconds), memory))]


def _pair_cell(pairs: Mapping[tuple[str, str], PairedComparison], one: str, other: str, *, above: bool) -> Markup:
    if one == other:
        return tag("td", class_="self")
    pair = pairs.get((one, other)) or pairs[other, one]
    difference = pair.difference if pair.first == one else -pair.difference
    text = signed(difference) if above else probability(pair.adjusted)
    if pair.adjusted >= LEVEL:
        return tag("td", text, class_="number faint")
    side = "ahead" if difference > 0 else "behind"
    return tag("td", tag("strong", text), class_=f"number tinted {side}", style=f"--share: {SIGNIFICANT}")


def _difference_cell(difference: float, largest: float) -> Markup:
    """Return a difference, tinted in proportion to its size."""
    if isnan(difference) or not largest:
        return tag("td", signed(difference, 2), class_="number")
    side = "ahead" if difference > 0 else "behind"
    share = f"--share: {STRONGEST * abs(difference) / largest:.0f}"
    return tag("td", signed(difference, 2), class_=f"number tinted {side}", style=share)


def _setting_lines(settings: Sequence[str]) -> list[Markup]:
    if not settings:
        return [tag("span", "as the preset", class_="faint")]
    return [joined([*([tag("br")] if k else []), tag("code", setting)]) for k, setting in enumerate(settings)]
