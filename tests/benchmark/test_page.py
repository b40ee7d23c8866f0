"""The page of a benchmark: whole, self-contained, and safe whatever the names are."""

from html.parser import HTMLParser

import pytest

from diptych.benchmark.page import html_page, summary
from diptych.benchmark.published import NOTE, Figures
from diptych.benchmark.table import tabulate

from .cells import cell
from .tables import toy_table

VOID = {"meta", "br"}


class Page(HTMLParser):
    """Elements of a page with their attributes and text; a tag that is closed out of turn is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.texts.setdefault(tag, []).append("")
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def count(self, tag: str) -> int:
        return len(self.texts.get(tag, []))

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def text() -> str:
    table = toy_table(splits=2, not_applicable=[("joint", "no hub can be reached <here>")])
    return html_page(table, {"mcsm": Figures(0.5, 0.6, 0.55)})


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_page_needs_nothing_from_elsewhere(text: str, page: Page) -> None:
    for _, attributes in page.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    for loading in ("http:", "https:", "@import", "url(", "fetch(", "XMLHttpRequest"):
        assert loading not in text


def test_every_link_leads_to_a_section(page: Page) -> None:
    ids = {attributes["id"] for attributes in page.attributes("section")}
    assert {attributes["href"] for attributes in page.attributes("a")} == {f"#{name}" for name in ids}
    assert page.count("h1") == 1
    assert page.count("h2") == len(ids)


def test_a_table_has_one_caption_and_every_heading_says_what_it_heads(page: Page) -> None:
    assert page.count("table") == page.count("caption") == 5
    assert all(page.texts["caption"])
    assert {attributes.get("scope") for attributes in page.attributes("th")} == {"row", "col"}
    scrolling = [a for a in page.attributes("div") if "scroll" in (a.get("class") or "")]
    assert all(a["tabindex"] == "0" and a["role"] == "region" and a["aria-label"] for a in scrolling)
    assert len(scrolling) == 6


def test_every_drawing_says_what_it_shows(page: Page) -> None:
    drawings = page.count("svg")
    assert drawings == 1 + 3
    assert page.count("desc") == drawings
    assert all(page.texts["desc"])
    assert all(attributes["role"] == "img" for attributes in page.attributes("svg"))
    assert "image → text: 1.00 at recall 0" in page.texts["desc"][1]


def test_a_page_is_readable_in_the_dark_and_on_a_phone(text: str, page: Page) -> None:
    assert "prefers-color-scheme: dark" in text
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.attributes("meta")
    assert page.attributes("html") == [{"lang": "en"}]


def test_names_and_reasons_are_text_not_markup() -> None:
    hostile = "<b>\"'&</script>"
    text = html_page(toy_table([hostile, "cca"], protocol={"note": hostile}, not_applicable=[(hostile, hostile)]))
    page = Page(text)
    assert page.count("b") == 0
    assert page.count("script") == 1
    assert hostile in page.texts["code"]
    assert hostile in page.texts["dd"]


def test_published_figures_stand_apart(page: Page) -> None:
    foreign = [a for a in page.attributes("td") if "foreign" in (a.get("class") or "")]
    assert len(foreign) == 4
    assert ".500 / .600 / .550" in page.texts["td"]
    assert NOTE in page.texts["p"]
    assert "published, other features" not in html_page(toy_table())


def test_the_matrix_has_differences_above_its_diagonal_and_p_below(page: Page) -> None:
    cells = page.texts["td"]
    assert {"+.001", "+.101", "+.100"} <= set(cells)
    assert cells.count("<.001") == 2
    bold = [text for text in page.texts["strong"] if text in ("+.001", "+.100", "+.101", "<.001")]
    assert sorted(bold) == sorted(["+.100", "+.101", "<.001", "<.001"])


def test_categories_are_compared_with_the_first_row(page: Page) -> None:
    assert {"cat", "dog"} <= set(page.texts["th"])
    assert "−.10" in page.texts["td"]


def test_the_chosen_settings_are_listed_split_by_split(page: Page) -> None:
    assert {"split 0", "split 1"} <= set(page.texts["th"])
    assert page.texts["code"].count("ridge=0.1") == 3 * 2


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["mcsm"], "."),
        (["mcsm", "cca"], ", but not significantly ahead of any other method."),
        (["mcsm", "cca", "cfa"], ". It is significantly ahead of all but cca."),
    ],
)
def test_the_summary_says_who_is_first_and_who_is_as_good(names: list[str], said: str) -> None:
    assert summary(toy_table(names)) == f"mcsm comes first of {len(names)} with an average MAP of .751{said}"


def test_the_summary_says_when_the_first_is_ahead_of_all() -> None:
    cells = [cell(name, ap=ap, queries=8) for name, ap in (("mcsm", 0.8), ("cca", 0.5))]
    assert summary(tabulate(cells, protocol={})).endswith("significantly ahead of every other method.")


def test_a_page_without_any_whole_row_says_so() -> None:
    table = tabulate([cell("mcsm", split=0), cell("cca", split=1)], protocol={}, not_applicable=[("cfa", "it failed")])
    page = Page(html_page(table))
    assert page.texts["p"][0] == "No method could be evaluated on every split."
    assert "it failed" in page.texts["td"]
