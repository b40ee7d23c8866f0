"""Results that a notebook shows by themselves, and that can be drawn and tabulated."""

import base64
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from diptych.drawing.markup import Markup, tag
from diptych.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

Record = Mapping[str, Any]
"""A row of a table, by the names of its columns."""
ROWS = 100
"""The most rows that a notebook shows."""


class Shown(ABC):
    """A result with a table and a drawing; a notebook shows both."""

    @abstractmethod
    def records(self) -> Sequence[Record]:
        """Return the rows of its table, all with the same columns."""

    @abstractmethod
    def plot(self) -> "Figure":
        """Return its drawing, a figure of Matplotlib."""

    def to_pandas(self) -> "DataFrame":
        """Return its table as a data frame; `MissingExtra` without pandas."""
        try:
            from pandas import DataFrame
        except ModuleNotFoundError:
            raise MissingExtra("data frames need the package pandas. Install it: pip install pandas.") from None
        return DataFrame(list(self.records()))

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the drawing if there is Matplotlib, and the table."""
        drawing: list[Markup] = []
        with suppress(MissingExtra):
            drawing.append(figure_html(self.plot()))
        return tag("div", *drawing, table_html(self.records()))


def figure_html(figure: "Figure") -> Markup:
    """Return a figure as an element of a page, which holds it."""
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=figure.dpi)
    data = base64.b64encode(written.getvalue()).decode()
    return tag("img", src=f"data:image/png;base64,{data}", style="max-width:100%")


def table_html(records: Sequence[Record]) -> Markup:
    """Return rows as a table; those after the first hundred are counted."""
    columns = list(dict.fromkeys(name for record in records for name in record))
    head = tag("tr", *(tag("th", name.replace("_", " ")) for name in columns))
    body = [tag("tr", *(tag("td", _cell(record.get(name))) for name in columns)) for record in records[:ROWS]]
    more = [tag("p", f"and {len(records) - ROWS:,} more")] if len(records) > ROWS else []
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), *more)


def _cell(value: object) -> str:
    match value:
        case None:
            return "–"
        case float():
            return f"{value:.3f}"
        case list() | tuple():
            return " · ".join(map(str, value))
    return str(value)
