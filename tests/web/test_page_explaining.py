"""Explanations on the page: of every part of a search, in every space, by every way."""

import re

from diptych.drawing.heat import colour
from tests.browser import Page, browser, expect

from .conftest import Running, png
from .pages import explained, find, page, settled, site

__all__ = ["browser", "page", "site"]

RECORD = {
    "text": "\N{CAT FACE} red square",
    "image": {"width": 48, "height": 48, "regions": [
        {"left": 0, "top": 0, "right": 24, "bottom": 48}, {"left": 24, "top": 0, "right": 48, "bottom": 48}]},
    "words": [{"text": "red", "start": 2, "end": 5}, {"text": "square", "start": 6, "end": 12}],
    "fused": 1.5, "fusion": {"rule": "product", "weight": None, "reference": "the pictures of shop"},
    "fused_ways": {"attention": {"image": [0.5, 0.5], "words": []}, "occlusion": {"image": [0.5, 0.1], "words": []}},
    "attribution": "Drawn by nobody", "held": "",
    "spaces": [
        {"name": "visual", "similarity": 0.9, "ways": {
            "attention": {"image": [0.25, 0.75], "words": []},
            "occlusion": {"image": [0.5, -0.5], "words": [0.1, 0.2]}}},
        {"name": "textual", "similarity": 0.6, "ways": {
            "attention": {"image": [], "words": [0.9, 0.1]},
            "occlusion": {"image": [], "words": [], "reason": "It is not offered here."}}},
    ],
}  # fmt: skip
"""An explanation: the right half is lit most, and the word red."""
ENDS = tuple(map(colour, (0.0, 1.0, -1.0)))
"""What explanations that are saved look like."""


def mixed(share: int, end: str) -> str:
    return f"color-mix(in oklab, {end} {share}%, {ENDS[0]})"


def test_regions_are_lit_and_words_shaded_space_by_space(page: Page) -> None:
    page.route("**/v1/explain", lambda route: route.fulfill(json=RECORD))
    find(page, "a red square")
    page.locator(".hit").first.click()
    expect(page.locator("#explanation .legend")).to_contain_text("full colour: regions 0.50")
    expect(page.locator("#explanation")).to_contain_text("Fused by product, normalised over the pictures of shop.")
    page.get_by_label("visual").check()
    expect(page.locator("#explanation .legend")).to_contain_text("full colour: regions 0.75")
    fills = "rects => rects.map(rect => rect.getAttribute('fill'))"
    assert page.locator(".seen rect").evaluate_all(fills) == [mixed(33, ENDS[1]), mixed(100, ENDS[1])]
    page.get_by_label("Occlusion").check()
    assert page.locator(".seen rect").evaluate_all(fills) == [mixed(100, ENDS[1]), mixed(100, ENDS[2])]
    page.get_by_label("textual").check()
    expect(page.locator("#explanation")).to_contain_text("It is not offered here.")
    page.get_by_label("Attention").check()
    expect(page.locator("#explanation mark")).to_have_text(["red", "square"])
    inks = "marks => marks.map(mark => mark.style.color)"
    assert page.locator("#explanation mark").evaluate_all(inks) == ["white", "black"]
    expect(page.locator("#explanation mark").first).to_have_css("background-color", re.compile("oklab"))
    expect(page.locator(".seen rect")).to_have_count(0)
    page.get_by_label("fused").check()
    expect(page.locator("#explanation")).to_contain_text("1.500")
    expect(page.locator(".seen rect")).to_have_count(2)


def test_an_explanation_opens_on_the_first_way_that_has_something_to_show(page: Page) -> None:
    nothing = {"image": [], "words": [], "reason": "It does not attend to parts."}
    fused = {"attention": nothing, "gradient": nothing, "occlusion": {"image": [0.5, 0.1], "words": []}}
    page.route("**/v1/explain", lambda route: route.fulfill(json={**RECORD, "fused_ways": fused}))
    find(page, "a red square")
    page.locator(".hit").first.click()
    expect(page.get_by_label("Occlusion")).to_be_checked()
    expect(page.locator(".seen rect")).to_have_count(2)
    page.get_by_label("Attention").check()
    expect(page.locator("#explanation")).to_contain_text("It does not attend to parts.")


def test_an_explanation_opens_on_the_first_space_that_has_something_to_show(page: Page) -> None:
    nothing = {"image": [], "words": []}
    record = {**RECORD, "fused_ways": {"attention": nothing, "occlusion": nothing}}
    record["spaces"] = [{**RECORD["spaces"][0], "ways": record["fused_ways"]}, RECORD["spaces"][1]]
    page.route("**/v1/explain", lambda route: route.fulfill(json=record))
    find(page, "a red square")
    page.locator(".hit").first.click()
    expect(page.get_by_label("textual")).to_be_checked()
    expect(page.get_by_label("Attention")).to_be_checked()
    expect(page.locator("#explanation mark")).to_have_text(["red", "square"])


def test_what_is_not_fused_is_not_offered_and_this_is_said(page: Page) -> None:
    fusion = {"rule": "rrf", "weight": None, "reference": "rrf ranks items and cannot score a single pair."}
    unfused = {**RECORD, "fused": None, "fusion": fusion}
    page.route("**/v1/explain", lambda route: route.fulfill(json=unfused))
    find(page, "a red square")
    page.locator(".hit").first.click()
    explained(page)
    expect(page.get_by_label("fused")).to_have_count(0)
    expect(page.locator("#explanation")).to_contain_text("Not fused: rrf ranks items")


def test_the_credit_stands_below_the_picture(page: Page) -> None:
    page.route("**/v1/explain", lambda route: route.fulfill(json=RECORD))
    find(page, "a red square")
    page.locator(".hit").first.click()
    expect(page.locator("#item figcaption")).to_have_text("Drawn by nobody")


def test_a_hit_is_explained_by_the_service(page: Page) -> None:
    find(page, "a red square")
    page.locator(".hit").first.click()
    explained(page)
    expect(page.locator(".seen rect")).not_to_have_count(0)
    expect(page.locator("#explanation")).to_contain_text("normalised over the pictures of shop.")
    for way in ("Gradients", "Integrated gradients", "Occlusion"):
        page.get_by_label(way, exact=True).check()
    page.get_by_label("textual").check()
    expect(page.locator("#explanation mark")).to_have_text(["a", "red", "square"])


def test_a_hit_that_is_like_an_item_is_explained(page: Page) -> None:
    page.goto("/?like=p3")
    page.locator(".hit").first.click()
    explained(page)
    expect(page.locator("#explanation")).to_contain_text("Compared with the picture of 'p3', which is kept fixed.")
    expect(page.locator(".seen.lit rect")).not_to_have_count(0)
    expect(page.locator("#explanation mark")).to_have_count(0)
    page.get_by_label("Occlusion").check()
    expect(page.locator(".seen.lit rect")).not_to_have_count(0)
    page.get_by_label("textual").check()
    page.get_by_label("Attention").check()
    expect(page.locator("#explanation")).to_contain_text("The textual space does not attend to regions.")


def test_every_part_of_a_search_is_explained_by_itself(page: Page) -> None:
    page.goto("/?text=a+red+square&like=p3&not=blue&balance=0.75")
    settled(page)
    page.locator("#file").set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": png()})
    settled(page)
    page.locator(".hit").first.click()
    explained(page)
    parts = page.get_by_role("group", name="Compared with").get_by_role("radio")
    expect(parts).to_have_count(4)
    expect(page.locator("#explanation")).to_contain_text("the text 0.75, the picture and p3 0.25.")
    expect(page.locator("#explanation")).to_contain_text("Each excluded text is subtracted with half weight.")
    expect(page.locator("#explanation mark")).to_have_text(["a", "red", "square"])
    page.get_by_label("Integrated gradients").check()
    for name, held in (("the picture", "the picture that was asked with"), ("like p3", "the picture of 'p3'")):
        page.get_by_label(name, exact=True).check()
        expect(page.locator("#explanation")).to_contain_text(f"Compared with {held}, which is kept fixed.")
        expect(page.get_by_label("Integrated gradients")).to_be_checked()
        expect(page.locator(".seen.lit rect")).not_to_have_count(0)
    page.get_by_label("without “blue”").check()
    expect(page.locator("#explanation mark")).to_have_text(["blue"])


def test_a_picture_lights_its_own_regions_beside_the_words_of_a_hit(page: Page) -> None:
    page.locator("#file").set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": png(size=(64, 32))})
    page.locator(".hit").first.click()
    explained(page)
    asked = page.locator("#explanation .seen.asked")
    assert asked.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 64
    expect(asked.locator("rect")).not_to_have_count(0)
    expect(page.locator("#item figure rect")).to_have_count(0)
    expect(page.locator("#explanation mark").first).to_be_visible()
    page.get_by_label("textual").check()
    expect(asked.locator("rect")).to_have_count(0)


def test_an_explanation_that_fails_is_told_and_tried_again(page: Page, site: Running) -> None:
    site.client.put("/v1/collections/shop/items/zz", data={"text": "a red square"}, files={"image": png()})
    page.goto("/?text=square&where=id+%3D+%27zz%27")
    expect(page.locator(".hit")).to_have_count(1)
    site.client.delete("/v1/collections/shop/items/zz")
    page.locator(".hit").click()
    expect(page.locator("#explanation").get_by_role("alert")).to_contain_text("The collection has no item 'zz'.")
    site.client.put("/v1/collections/shop/items/zz", data={"text": "a red square"}, files={"image": png()})
    page.get_by_role("button", name="Try again").click()
    explained(page)
    site.client.delete("/v1/collections/shop/items/zz")
