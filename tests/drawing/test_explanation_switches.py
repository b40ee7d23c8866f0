"""The page of an explanation that stands alone, in a real browser: its switches."""

from pathlib import Path
from typing import Any

from PIL import Image

from diptych.drawing.explanation_page import explanation_page
from diptych.drawing.explanation_wording import MEANINGS
from diptych.drawing.heat import colour
from tests.browser import browser, expect

from .explained import record

__all__ = ["browser"]

FILLS = "rects => rects.map(rect => rect.getAttribute('fill'))"


def test_a_switch_lights_other_regions_and_shades_other_words(browser: Any, tmp_path: Path) -> None:
    other = {"image": [], "words": [], "reason": "Nothing is said here."}
    spaces = record()["spaces"]
    spaces[1] = {**spaces[1], "ways": {**spaces[1]["ways"], "occlusion": other}}
    picture = Image.new("RGB", (60, 40), "red")
    (tmp_path / "why.html").write_text(explanation_page([(record(spaces=spaces), picture), (record("b"), picture)]))
    seen = record()["image"] | {"cells": [{"left": 0.0, "top": 0.0, "right": 60.0, "bottom": 20.0}]}
    ways = record()["fused_ways"] | {"pixel-occlusion": {"image": [-0.5], "words": []}}
    last = record("c", image=seen, fused_ways=ways)
    (tmp_path / "cells.html").write_text(explanation_page([(last, picture)]))
    with browser.new_context(java_script_enabled=True, offline=True) as context:
        page, faults = context.new_page(), []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((tmp_path / "why.html").as_uri())
        first, second = page.locator("article").nth(0), page.locator("article").nth(1)
        assert first.locator("rect").evaluate_all(FILLS) == [colour(0.3125), colour(1.0)]
        expect(first.locator(".words span")).to_have_text(["a", "<b>cat</b>"])
        expect(first.locator(".scales")).to_have_text("regions: full colour is 0.75 · words: full colour is 0.90")
        first.get_by_label("Gradient × input").check()
        assert first.locator("rect").evaluate_all(FILLS) == [colour(-0.5), colour(1.0)]
        expect(first.locator(".meaning")).to_have_text(MEANINGS["gradient"])
        expect(second.locator(".meaning")).to_have_text(MEANINGS["attention"])
        first.get_by_label("textual").check()
        first.get_by_label("Occlusion").check()
        expect(first.locator("rect")).to_have_count(0)
        expect(first.locator(".reason")).to_have_text("Nothing is said here.")
        expect(first.locator(".picture.lit")).to_have_count(0)
        expect(second.locator("rect")).to_have_count(2)
        first.get_by_label("Attention").focus()
        page.keyboard.press("ArrowRight")
        expect(first.get_by_label("Gradient × input")).to_be_checked()
        assert first.locator("rect").evaluate_all(FILLS) == [colour(-0.5), colour(1.0)]
        page.goto((tmp_path / "cells.html").as_uri())
        page.get_by_label("Pixels: occlusion").check()
        assert page.locator("rect").evaluate_all(FILLS) == [colour(-1.0)]
        expect(page.locator("rect")).to_have_attribute("width", "60")
        expect(page.locator(".scales")).to_have_text("cells: full colour is 0.50")
        assert faults == []
