"""A map of points: its colours, its drawing and its page."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from diptych.drawing.scatter import OTHERS, colours_of, scatter, scatter_page
from diptych.drawing.sheet import MUTED, PALETTE
from tests.browser import browser, expect

__all__ = ["browser"]

POINTS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
KINDS = ["a", "b", "a", None]


def test_the_commonest_kinds_have_colours_and_the_others_one() -> None:
    kinds: list[str | None] = [name for name in "abcdefgh" for _ in range(ord("i") - ord(name))]
    colours = colours_of(kinds)
    assert colours == {**dict(zip("abcdef", PALETTE, strict=True)), OTHERS: MUTED}
    assert colours_of(["b", "a", "b"]) == {"b": PALETTE[0], "a": PALETTE[1]}
    assert colours_of([None, None]) == {}


def test_each_kind_is_drawn_where_its_points_are() -> None:
    (axes,) = scatter(POINTS, KINDS, "a $title$", attribution="by $us$").axes
    drawn = {each.get_label(): each.get_offsets().tolist() for each in axes.collections}
    assert drawn == {"a": [[0, 0], [0, 1]], "b": [[1, 0]], OTHERS: [[1, 1]]}
    (plain,) = scatter(POINTS, [None] * 4, "t").axes
    assert len(plain.collections[0].get_offsets()) == 4
    assert plain.get_legend() is None


def test_a_page_shows_the_picture_that_one_points_at(browser: Any, tmp_path: Path) -> None:
    titles = ["first", "<b>second</b>", "third", "</script><script>throw 1</script>"]
    pictures = [Image.new("RGB", (20, 20), "red"), None, None, None]
    page_text = scatter_page(
        POINTS, KINDS, "<shop>", titles=titles, pictures=pictures, note="4 items", attribution="by <us>"
    )
    (tmp_path / "map.html").write_text(page_text, encoding="utf-8")
    with browser.new_context(offline=True) as context:
        page, faults = context.new_page(), []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((tmp_path / "map.html").as_uri())
        expect(page.locator("h1")).to_have_text("<shop>")
        expect(page.locator("li")).to_have_text(["a", "b", OTHERS])
        shown = page.locator("#shown")
        expect(shown).to_be_hidden()
        box = page.locator("canvas").bounding_box()
        left, right = box["x"] + 18, box["x"] + box["width"] - 18
        top, bottom = box["y"] + 18, box["y"] + box["height"] - 18
        page.mouse.move(left, bottom)
        expect(shown).to_have_text("first")
        expect(shown.locator("img")).to_have_count(1)
        page.mouse.move(right, bottom)
        expect(shown).to_have_text("<b>second</b>")
        expect(shown.locator("img")).to_have_count(0)
        page.mouse.move(right, top)
        expect(shown).to_have_text(titles[3])
        page.mouse.move((left + right) / 2, (top + bottom) / 2)
        expect(shown).to_be_hidden()
        assert faults == []
