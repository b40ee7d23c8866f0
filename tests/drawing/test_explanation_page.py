import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO

from PIL import Image

from diptych.drawing.explanation_page import explanation_page
from diptych.drawing.explanation_wording import fusion_line, views

from .explained import record

PICTURE = Image.new("RGB", (60, 40), "red")


class Elements(HTMLParser):
    """Collects the attributes of every element by name, and the loose text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, list[dict[str, str | None]]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.setdefault(tag, []).append(dict(attrs))


def test_a_page_stands_alone_with_the_picture_at_its_own_size() -> None:
    page = explanation_page([(record(), PICTURE)])
    assert "http" not in page.replace("http-equiv", "")
    (image,) = Elements(page).found["img"]
    assert (image["width"], image["height"]) == ("60", "40")
    with Image.open(BytesIO(b64decode(str(image["src"]).partition(",")[2]))) as shown:
        assert shown.size == (60, 40)


def test_a_switch_offers_every_space_and_way_once_an_explanation() -> None:
    page = explanation_page([(record(), PICTURE), (record("b"), PICTURE)])
    choices: dict[str, list[str]] = {}
    for each in Elements(page).found["input"]:
        choices.setdefault(str(each["name"]), []).append(str(each["value"]))
    assert choices["space-0"] == choices["space-1"] == ["fused", "visual", "textual"]
    assert choices["way-1"] == ["attention", "gradient", "integrated", "occlusion"]
    assert sum("checked" in each for each in Elements(page).found["input"]) == 4


def test_texts_are_no_markup() -> None:
    page = explanation_page([(record("</script><b>cat</b>"), PICTURE)])
    assert "<b>" not in page
    found = re.findall(r'<script type="application/json">(.*?)</script>', page)
    assert json.loads(found[0])["text"] == "</script><b>cat</b>"


def test_how_it_was_fused_is_said_and_who_is_to_be_credited() -> None:
    page = explanation_page([(record(), PICTURE)])
    assert "with weight 0.25 on the visual space, normalised over the pictures of a shop." in page
    assert "Drawn by its authors" in page


def test_what_is_not_fused_is_not_offered() -> None:
    unfused = record(fused=None, fusion={"rule": "rrf", "weight": None, "reference": "rrf ranks."})
    assert [name for name, *_ in views(unfused)] == ["visual space", "textual space"]
    assert fusion_line(unfused) == "Not fused: rrf ranks."
    single = record(spaces=record()["spaces"][:1], fusion={"rule": None, "weight": None, "reference": None})
    assert [name for name, *_ in views(single)] == ["visual space"]
    assert fusion_line(single) == ""
