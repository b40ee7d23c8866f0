"""Wording shared by all report formats: the rows of the table and the notes below."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from string import ascii_lowercase
from typing import Any, TypeVar

from diptych.benchmark.cell import DIRECTIONS
from diptych.benchmark.partner_retrieval import RECALLS
from diptych.benchmark.published import Figures
from diptych.benchmark.table import LEVEL, BenchmarkRow, BenchmarkTable
from diptych.measures.significance import ROUNDS

T = TypeVar("T")

NOTHING = "–"
"""Shown in place of a missing value."""
HEADINGS = ("row", "method", "image → text", "text → image", "average", "rank", "seconds", "behind", "ahead of")
"""Columns of the table."""
FIGURES = range(2, 7)
"""Columns that hold numbers."""
PUBLISHED_HEADING = "published, other features"
COMPARED = ("image_to_text", "text_to_image", "average")
"""Metrics whose best value is marked."""


@dataclass(frozen=True)
class PrintedRow:
    """A row as printed."""

    row: BenchmarkRow
    letter: str
    """The letter by which other rows refer to it; empty for chance, which is not compared."""
    image_to_text: str
    text_to_image: str
    average: str
    spread: str
    """The standard deviation after the average: `± .021`, or empty with a single split."""
    rank: str
    seconds: str
    behind: str
    """Letters of the rows that are significantly better."""
    ahead: str
    """Letters of the rows that are significantly worse."""
    best: frozenset[str]
    """The metrics of `COMPARED` in which no row is better, as printed."""

    def cells(self, escaped: Callable[[str], str], bold: Callable[[str], str]) -> list[str]:
        """Return a cell for each of `HEADINGS`, escaped, with the best values in bold, as the format requires."""
        into, back, average = (
            bold(text) if name in self.best else text
            for name, text in ((name, escaped(getattr(self, name))) for name in COMPARED)
        )
        letter, name, spread, *others = map(
            escaped, (self.letter, self.row.name, self.spread, self.rank, self.seconds, self.behind, self.ahead)
        )
        return [letter, name, into, back, f"{average} {spread}".rstrip(), *others]


def lines(table: BenchmarkTable) -> list[PrintedRow]:
    """Return the printed rows of a table, best first."""
    letters = letters_of(table)
    best = {name: figure(max(getattr(row, name) for row in table.rows)) for name in COMPARED if table.rows}
    return [
        PrintedRow(
            row=row,
            letter=letters.get(row.name, ""),
            image_to_text=figure(row.image_to_text),
            text_to_image=figure(row.text_to_image),
            average=figure(row.average),
            spread="" if row.std is None else f"± {figure(row.std)}",
            rank=NOTHING if row.rank is None else f"{row.rank:.1f}",
            seconds=duration(row.seconds),
            behind=runs(row.significantly_below, letters),
            ahead=runs([other.name for other in table.rows if row.name in other.significantly_below], letters),
            best=frozenset(name for name in COMPARED if figure(getattr(row, name)) == best[name]),
        )
        for row in table.rows
    ]


def letters_of(table: BenchmarkTable) -> dict[str, str]:
    """Return the letter of each compared row, in the table's order: a, ..., z, aa, ab, ..."""
    compared = [row.name for row in table.rows if row.name in table.comparisons.methods]
    return {name: _letter(k) for k, name in enumerate(compared)}


def runs(names: Iterable[str], letters: Mapping[str, str]) -> str:
    """Return the letters of some rows, with three or more adjacent ones as a range.

    >>> runs(["mcsm", "cfa", "jrl", "cca"], {"mcsm": "a", "kcca": "b", "cfa": "c", "jrl": "d", "cca": "e"})
    'a, c–e'
    """
    order = list(letters)
    spans: list[list[int]] = []
    for place in sorted(order.index(name) for name in names):
        if spans and spans[-1][-1] == place - 1:
            spans[-1].append(place)
        else:
            spans.append([place])
    stretches = [[letters[order[place]] for place in span] for span in spans]
    return ", ".join(f"{span[0]}–{span[-1]}" if len(span) > 2 else ", ".join(span) for span in stretches) or NOTHING


PARTNER_HEADINGS = (
    "row", "method", "→ text R@1", "R@5", "R@10", "→ image R@1", "R@5", "R@10", "sum", "median rank → text", "→ image",
    "nDCG@10 → text", "→ image", "behind",
)  # fmt: skip
"""Columns of the table of partner retrieval."""
PARTNER_FIGURES = range(2, 13)
"""Those that hold numbers."""
PARTNER_TITLE = "Partner retrieval"
PARTNER_NOTE = (
    "Partner retrieval counts the query's own texts, or its own picture, as right. The sum of the six recalls has its "
    "standard error over the queries of all splits; rows behind are found by the paired randomisation test on each "
    "query's three hits, with the same level and correction as for MAP. nDCG counts as right what MAP does."
)


def ordered(table: BenchmarkTable, tables: Sequence[T]) -> list[T]:
    """Return the table of MAP and that of partner retrieval in the order that what counts as right decides."""
    return list(reversed(tables)) if table.relevant == "partner" else list(tables)


def partner_lines(table: BenchmarkTable) -> list[list[str]]:
    """Return the cells of the table of partner retrieval, best row first; empty if there is none."""
    letters = letters_of(table)
    rows = table.partners.rows if table.partners else ()
    return [
        [
            letters.get(row.name, ""),
            row.name,
            *(figure(row.figures[direction][name]) for direction in DIRECTIONS for name in RECALLS),
            figure(row.recall_sum) + ("" if row.standard_error is None else f" ± {figure(row.standard_error)}"),
            *(f"{row.figures[direction]['median_rank']:g}" for direction in DIRECTIONS),
            *(figure(row.figures[direction]["ndcg@10"]) for direction in DIRECTIONS),
            runs(row.significantly_below, letters),
        ]
        for row in rows
    ]


def facts(table: BenchmarkTable) -> list[tuple[str, str]]:
    """Return the notes needed to read a table, by name: data, settings, metric, test."""
    several = len(table.splits) > 1
    protocol = {name: value for name, value in table.protocol.items() if value not in (None, [], ())}
    deviation = "; ± is the standard deviation of the average over splits (n - 1)" if several else ""
    figures = (
        f"MAP over all results on test data, {_RIGHT[table.relevant]}, mean over splits{deviation}. The best values "
        "are bold."
    )
    return [
        ("Data", table.data),
        ("Splits" if several else "Split", ", ".join(table.splits)),
        *((name.replace("_", " ").capitalize(), spelt(value)) for name, value in protocol.items()),
        ("Figures", figures),
        ("Rank", "mean rank among the methods over splits"),
        ("Seconds", "to train the candidate chosen on validation data, without encoding"),
        ("Behind, ahead of", _test(table)),
    ]


_RIGHT = {
    "category": "the query's category being right",
    "partner": "its partners alone being right",
    "both": "the query's category being right",
}


def _test(table: BenchmarkTable) -> str:
    """Return a description of the significance test behind the letters."""
    rests_on = (
        "rows, by letter, that are significantly better or worse than this one: paired randomisation test "
        f"({ROUNDS:,} rounds) over the pooled queries of both directions and all splits, p < {figure(LEVEL, 2)} after "
        f"Holm's correction for {len(table.comparisons.pairs)} comparisons."
    )
    if len(table.splits) == 1:
        return rests_on
    return f"{rests_on} Queries from several splits share models and items, so small p-values are slightly optimistic."


def published_figures(row: BenchmarkRow, published: Mapping[str, Figures]) -> str:
    """Return the published results of a row's method: both directions and the average."""
    if figures := published.get(row.method):
        return " / ".join(figure(value) for value in (figures.image_to_text, figures.text_to_image, figures.average))
    return NOTHING


def figure(value: float, digits: int = 3) -> str:
    """Format a share for tables, without the leading zero.

    >>> [figure(value) for value in (0.7294, 1.0, -0.0206, float("nan"))]
    ['.729', '1.000', '-.021', '–']
    """
    if isnan(value):
        return NOTHING
    text = f"{value:.{digits}f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def signed(value: float, digits: int = 3) -> str:
    """Format a difference with its sign, or without one if it rounds to zero.

    >>> [signed(value) for value in (0.0206, -0.0206, -0.0001)]
    ['+.021', '−.021', '.000']
    """
    if isnan(value) or round(value, digits) == 0:
        return figure(abs(value), digits)
    return ("+" if value > 0 else "−") + figure(abs(value), digits)


def probability(value: float) -> str:
    """Format a p-value.

    >>> [probability(value) for value in (0.0312, 0.00042, 1.0)]
    ['.031', '<.001', '1.000']
    """
    return "<.001" if value < 0.001 else figure(value)


def duration(seconds: float | None) -> str:
    """Format seconds with two significant digits, or as a whole number.

    >>> [duration(value) for value in (0.00001, 0.0342, 0.5, 1.26, 66.1, 1234.5, None)]
    ['<0.001', '0.034', '0.5', '1.3', '66', '1,234', '–']
    """
    if seconds is None:
        return NOTHING
    if seconds < 0.001:
        return "<0.001"
    return f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.2g}"


def spelt(value: Any) -> str:
    """Format a setting for people.

    >>> spelt({"torch": "2.6", "seeds": [0, 1]}), spelt(None), spelt(True), spelt([])
    ('torch 2.6, seeds 0, 1', 'none', 'yes', 'none')
    """
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return ", ".join(f"{name} {spelt(inner)}" for name, inner in value.items()) or "none"
        case list() | tuple():
            return ", ".join(spelt(inner) for inner in value) or "none"
    return str(value)


def settings_by_split(table: BenchmarkTable, row: BenchmarkRow) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Return the chosen settings for each split; empty for a row without a search."""
    return list(zip(table.splits, row.chosen, strict=True)) if row.chosen else []


def _letter(place: int) -> str:
    count = len(ascii_lowercase)
    before = _letter(place // count - 1) if place >= count else ""
    return before + ascii_lowercase[place % count]
