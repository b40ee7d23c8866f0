"""The page of a benchmark: one self-contained HTML file that is readable without scripts."""

from collections.abc import Mapping, Sequence

from diptych.benchmark.cell import DIRECTIONS
from diptych.benchmark.charts import ARROWS, precision_by_recall, quality_by_time
from diptych.benchmark.page_style import SORTING, STYLE
from diptych.benchmark.page_tables import (
    categories_table,
    data_table,
    differences_table,
    heading,
    partners_table,
    results_table,
    row_heading,
    settings_table,
)
from diptych.benchmark.published import NOTE, Figures
from diptych.benchmark.table import BenchmarkTable
from diptych.benchmark.wording import PARTNER_NOTE, PARTNER_TITLE, facts, figure, ordered
from diptych.drawing.markup import Markup, joined, tag
from diptych.methods import ROOM as METHODS


def html_page(table: BenchmarkTable, published: Mapping[str, Figures] | None = None) -> str:
    """Return a benchmark as one page: its table, significance, curves, categories, times and settings.

    Published results of a method, if given, have separate columns and are marked as such.
    """
    results = [("results", "Results", _results(table, published))]
    if table.partners:
        partners = joined([partners_table(table), tag("p", PARTNER_NOTE, class_="note")])
        results = ordered(table, [*results, ("partners", PARTNER_TITLE, partners)])
    sections = [
        *results,
        ("time", "Quality by time", _times(table)),
        ("differences", "Every two methods", differences_table(table)),
        *([("curves", "Precision by recall", _curves(table))] if table.curves else []),
        *([("categories", "Categories", categories_table(table))] if any(table.categories.values()) else []),
        ("settings", "Methods and their settings", settings_table(table, _titles())),
        *([("left-out", "Not applicable", _left_out(table))] if table.not_applicable else []),
        ("made", "How it was made", _made(table)),
    ]
    title = f"Benchmark on {table.data}"
    links = (tag("li", tag("a", name, href=f"#{key}")) for key, name, _ in sections)
    body = tag(
        "body",
        tag("header", tag("h1", title), tag("p", summary(table), class_="lead")),
        tag("nav", tag("ul", *links), aria_label="Sections"),
        tag("main", *(tag("section", tag("h2", name), content, id=key) for key, name, content in sections)),
        tag("script", Markup(SORTING)),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", Markup(STYLE)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def summary(table: BenchmarkTable) -> str:
    """Summarise the table: the best method, and which others do not differ from it significantly."""
    if table.relevant == "partner" and table.partners:
        ranked = [row for row in table.partners.rows if row.name in table.partners.comparisons.methods]
        rows = [(row.name, row.recall_sum, row.significantly_below) for row in ranked]
        return _summary("a sum of the six recalls", rows)
    compared = [row for row in table.rows if row.name in table.comparisons.methods]
    return _summary("an average MAP", [(row.name, row.average, row.significantly_below) for row in compared])


def _summary(metric: str, rows: Sequence[tuple[str, float, tuple[str, ...]]]) -> str:
    """Summarise rows of (name, value, significantly better rows), best first."""
    if not rows:
        return "No method could be evaluated on every split."
    (first, value, _), *others = rows
    begin = f"{first} comes first of {len(rows)} with {metric} of {figure(value)}"
    if not others:
        return f"{begin}."
    even = [name for name, _, below in others if first not in below]
    if not even:
        return f"{begin}, significantly ahead of every other method."
    if len(even) == len(others):
        return f"{begin}, but not significantly ahead of any other method."
    return f"{begin}. It is significantly ahead of all but {', '.join(even)}."


def _results(table: BenchmarkTable, published: Mapping[str, Figures] | None) -> Markup:
    note = tag("p", NOTE, class_="note") if published else Markup()
    return joined([results_table(table, published), note])


def _times(table: BenchmarkTable) -> Markup:
    caption = tag(
        "figcaption", "Average MAP of each method against its training time in seconds; up and left is better"
    )
    plot = tag(
        "div", quality_by_time(table.rows), class_="scroll broad", tabindex="0", role="region", aria_label="Plot"
    )
    return tag("figure", caption, plot)


def _curves(table: BenchmarkTable) -> Markup:
    names = [row.name for row in table.rows if row.name in table.curves]
    strokes = {direction: ARROWS[direction] for direction in DIRECTIONS} | {"beside": f"both of {names[0]}"}
    key = [tag("span", tag("span", class_=f"key {stroke}"), f" {what}") for stroke, what in strokes.items()]
    panels = [
        tag(
            "figure",
            tag("h3", tag("code", name)),
            precision_by_recall(name, table.curves[name], table.curves[names[0]] if name != names[0] else {}),
        )
        for name in names
    ]
    return joined([tag("p", *key, class_="note keys"), tag("div", *panels, class_="panels")])


def _left_out(table: BenchmarkTable) -> Markup:
    rows = [[row_heading(name), tag("td", reason, class_="wide")] for name, reason in table.not_applicable]
    return data_table("Rows that could not be computed on these data", [heading("method"), heading("reason")], rows)


def _made(table: BenchmarkTable) -> Markup:
    return tag("dl", *(part for name, value in facts(table) for part in (tag("dt", name), tag("dd", value))))


def _titles() -> dict[str, str]:
    return {name: card.title for name, card in METHODS.cards().items()}
