import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from typing_extensions import override

from diptych.drawing.curves import bars
from diptych.drawing.shown import ROWS, Shown, table_html
from diptych.errors import MissingExtra

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Prices(Shown):
    """A result with a table and a drawing."""

    @override
    def records(self) -> Sequence[dict[str, Any]]:
        return [{"name": "<b>", "price": 1.23456, "tags": ["a", "b"]}, {"name": "c", "price": None, "tags": []}]

    @override
    def plot(self) -> "Figure":
        return bars({"<b>": 1.2, "c": 0.4}, {"<b>": 0.1, "c": None}, "Prices")


def test_a_notebook_shows_the_drawing_and_the_table_with_every_text_escaped() -> None:
    page = Prices()._repr_html_()
    assert 'src="data:image/png;base64,iVBOR' in page
    assert "<td>&lt;b&gt;</td><td>1.235</td><td>a · b</td>" in page
    assert "<td>c</td><td>–</td>" in page


def test_its_table_is_a_data_frame() -> None:
    frame = Prices().to_pandas()
    assert list(frame.columns) == ["name", "price", "tags"]
    assert frame["price"][0] == 1.23456


def test_without_pandas_a_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"need the package pandas. Install it: pip install pandas\."):
        Prices().to_pandas()


def test_a_long_table_says_how_much_more_there_is() -> None:
    page = table_html([{"row": row} for row in range(ROWS + 1234)])
    assert page.count("<tr>") == ROWS + 1
    assert "and 1,234 more" in page


def test_bars_stand_in_their_order_with_their_values() -> None:
    (axes,) = bars({"first": 0.75, "second": 0.5}, {"first": 0.1, "second": None}, "MAP").axes
    assert [bar.get_width() for bar in axes.patches] == [0.75, 0.5]
    assert [text.get_text() for text in axes.texts] == ["0.750", "0.500"]
    assert axes.yaxis_inverted()
