"""Explanations as a self-contained page: the picture at full size, words, and a switch between views."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from diptych.drawing.explanation_wording import (
    ADDS,
    MEANINGS,
    TAKES,
    WAYS,
    ExplanationRecord,
    boxed,
    fusion_line,
    title_of,
    views,
)
from diptych.drawing.heat import OPACITY, ink_on, stops
from diptych.drawing.markup import Markup, data_uri, joined, json_in_script, tag
from diptych.drawing.sheet import ACCENT, INK, MUTED, PAPER, RULE

if TYPE_CHECKING:
    from PIL.Image import Image

QUALITY = 90
"""JPEG quality of the pictures."""

STYLE = f"""
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 64rem; padding: 2rem 1.25rem 4rem; background: {PAPER}; color: {INK};
  font: 1rem/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }}
article + article {{ margin-top: 3rem; padding-top: 2rem; border-top: 1px solid {RULE}; }}
.note, figcaption {{ color: {MUTED}; font-size: .875rem; margin: .5rem 0; }}
fieldset {{ border: 0; padding: 0; margin: .5rem 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }}
legend {{ float: left; width: 5rem; padding: 0; color: {MUTED}; }}
label {{ cursor: pointer; }}
input {{ accent-color: {ACCENT}; }}
figure {{ margin: 1rem 0; }}
.picture {{ position: relative; display: inline-block; max-width: 100%; line-height: 0; }}
.picture img {{ max-width: 100%; height: auto; }}
.picture.lit img {{ filter: grayscale(1); }}
.picture svg {{ position: absolute; inset: 0; width: 100%; height: 100%; opacity: {OPACITY}; }}
.picture rect {{ shape-rendering: crispEdges; }}
.picture svg:hover {{ opacity: .15; }}
.words {{ font-size: 1.25rem; line-height: 1.9; white-space: pre-wrap; overflow-wrap: anywhere; }}
.words span {{ padding: .15em .2em; border-radius: .2em; }}
.scale {{ display: inline-block; width: 14rem; max-width: 50vw; height: .875rem; vertical-align: -.1em; }}
"""

SCRIPT = """
const stops = JSON.parse(document.getElementById("stops").textContent);
const colourOf = share => stops[Math.round((Math.max(-1, Math.min(1, share)) + 1) / 2 * (stops.length - 1))];
const strongest = values => values.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
const shareOf = (value, top) => top ? value / top : 0;
const spelt = value => value.toPrecision(2);

function drawBoxes(article, boxes, values) {
  const svg = article.querySelector("svg"), top = strongest(values);
  svg.replaceChildren(...values.map((value, k) => {
    const box = boxes[k];
    const rect = document.createElementNS(svg.namespaceURI, "rect");
    const sizes = {x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top};
    Object.entries(sizes).forEach(([name, size]) => rect.setAttribute(name, size));
    rect.setAttribute("fill", colourOf(shareOf(value, top))[0]);
    rect.append(document.createElementNS(svg.namespaceURI, "title"));
    rect.firstChild.textContent = spelt(value);
    return rect;
  }));
  article.querySelector(".picture").classList.toggle("lit", values.length > 0);
}

function drawWords(article, record, values) {
  const signs = Array.from(record.text), top = strongest(values), pieces = [];
  let end = 0;
  record.words.forEach((word, k) => {
    pieces.push(signs.slice(end, word.start).join(""));
    const span = document.createElement("span");
    span.textContent = word.text;
    if (values.length) {
      [span.style.backgroundColor, span.style.color] = colourOf(shareOf(values[k], top));
      span.title = spelt(values[k]);
    }
    pieces.push(span);
    end = word.end;
  });
  article.querySelector(".words").replaceChildren(...pieces, signs.slice(end).join(""));
}

document.querySelectorAll("article").forEach(article => {
  const record = JSON.parse(article.querySelector("script").textContent);
  const chosen = name => article.querySelector(`fieldset.${name} input:checked`).value;
  const draw = () => {
    const space = chosen("space"), name = chosen("way");
    const ways = space === "fused" ? record.fused_ways : record.spaces.find(each => each.name === space).ways;
    const way = ways[name], boxed = record.boxed[name];
    drawBoxes(article, record.image[boxed], way.image);
    drawWords(article, record, way.words);
    const scales = [[boxed, way.image], ["words", way.words]].filter(([, values]) => values.length);
    article.querySelector(".scales").textContent =
      scales.map(([side, values]) => `${side}: full colour is ${spelt(strongest(values))}`).join(" · ");
    article.querySelector(".meaning").textContent = record.meanings[name];
    article.querySelector(".reason").textContent = way.reason || "";
  };
  article.addEventListener("change", draw);
  draw();
});
"""


def explanation_page(shown: "Sequence[tuple[ExplanationRecord, Image]]") -> str:
    """Return a page with explanations, each with its picture at full size, one below the other."""
    colours = tag(
        "script", json_in_script([[each, ink_on(each)] for each in stops()]), type="application/json", id="stops"
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", "Why they match"),
        tag("style", Markup(STYLE)),
    )
    articles = [_article(record, picture, n) for n, (record, picture) in enumerate(shown)]
    body = tag("body", tag("main", *articles), colours, tag("script", Markup(SCRIPT)))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _article(record: ExplanationRecord, picture: "Image", number: int) -> Markup:
    choices = [(name.removesuffix(" space"), f"{name} {value:.3f}", ways) for name, value, ways in views(record)]
    ways = {name: title for name, title in WAYS.items() if name in choices[0][2]}
    boxes = {way: boxed(way) for way in WAYS}
    size = {"width": record["image"]["width"], "height": record["image"]["height"]}
    overlay = tag(
        "svg", viewBox=f"0 0 {size['width']} {size['height']}", preserveAspectRatio="none", aria_hidden="true"
    )
    image = Markup(
        f'<img src="{data_uri(picture, quality=QUALITY)}" alt="" width="{size["width"]}" height="{size["height"]}">'
    )
    return tag(
        "article",
        tag("h1", title_of(record)),
        tag("p", fusion_line(record), class_="note"),
        _switch("space", "Score", [(value, label) for value, label, _ in choices], number),
        _switch("way", "Way", list(ways.items()), number),
        tag("p", class_="note meaning"),
        tag("figure", tag("div", image, overlay, class_="picture"), tag("p", record["text"], class_="words")),
        _legend(),
        tag("p", class_="note reason"),
        tag("p", record["attribution"], class_="note"),
        tag(
            "script",
            json_in_script({**record, "meanings": MEANINGS, "boxed": boxes}),
            type="application/json",
        ),
    )


def _switch(name: str, title: str, choices: Sequence[tuple[str, str]], number: int) -> Markup:
    group = f"{name}-{number}"
    buttons = [
        tag("label", _radio(group, value, checked=k == 0), f" {label}") for k, (value, label) in enumerate(choices)
    ]
    return tag("fieldset", tag("legend", title), *buttons, class_=name)


def _radio(group: str, value: str, *, checked: bool) -> Markup:
    opened = tag("input", type="radio", name=group, value=value, checked="" if checked else None)
    return Markup(opened.removesuffix("</input>"))


def _legend() -> Markup:
    gradient = f"background: linear-gradient(to right, {', '.join(stops())})"
    bar = tag("span", class_="scale", style=gradient)
    return tag("p", joined([f"{TAKES} ", bar, f" {ADDS} · ", tag("span", class_="scales")]), class_="note")
