"""A map of items as points: as a drawing, and as a page that shows an item's picture where one points at it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jaxtyping import Float64

from diptych.drawing.curves import new_figure
from diptych.drawing.markup import Markup, data_uri, joined, json_in_script, tag
from diptych.drawing.sheet import ACCENT, INK, MUTED, PALETTE, PAPER, RULE, families

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from PIL.Image import Image

SIZE = (1000, 720)
"""Width and height of a drawing in pixels."""
LEGEND_COLUMNS = 4
"""Kinds in a line of the legend."""
MANY = 3_000
"""Above this many points each is drawn small."""
OTHERS = "others"
QUALITY = 80

STYLE = f"""
body {{ margin: 0 auto; max-width: 76rem; padding: 1.5rem 1.25rem; background: {PAPER}; color: {INK};
  font: 1rem/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }}
h1 {{ font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }}
p {{ color: {MUTED}; font-size: .875rem; margin: .25rem 0; }}
ul {{ list-style: none; margin: .5rem 0; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1rem; }}
li span {{ display: inline-block; width: .75em; height: .75em; border-radius: 50%; margin-right: .4em; }}
canvas {{ width: 100%; height: 76vh; border: 1px solid {RULE}; display: block; }}
#shown {{ position: fixed; pointer-events: none; max-width: 15rem; padding: .5rem; background: {PAPER};
  border: 1px solid {RULE}; box-shadow: 0 2px 8px #0003; font-size: .875rem; overflow-wrap: anywhere; }}
#shown img {{ display: block; max-width: 100%; }}
"""

SCRIPT = """
const map = JSON.parse(document.getElementById("map").textContent);
const canvas = document.querySelector("canvas"), shown = document.getElementById("shown");
const ends = axis => map.points.map(point => point[axis]).reduce(
  ([least, most], each) => [Math.min(least, each), Math.max(most, each)], [Infinity, -Infinity],
);
const [left, right] = ends(0), [low, high] = ends(1), margin = 16;
let places = [];

function draw() {
  const {width, height} = canvas.getBoundingClientRect(), ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  places = map.points.map(([x, y]) => [
    margin + (x - left) / (right - left || 1) * (width - 2 * margin),
    height - margin - (y - low) / (high - low || 1) * (height - 2 * margin),
  ]);
  places.forEach(([x, y], k) => {
    pen.fillStyle = map.colours[map.kinds[k]];
    pen.globalAlpha = .75;
    pen.beginPath();
    pen.arc(x, y, map.radius, 0, 2 * Math.PI);
    pen.fill();
  });
}

canvas.addEventListener("pointermove", event => {
  const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  let nearest = -1, least = 14 ** 2;
  places.forEach(([a, b], k) => {
    const distance = (a - x) ** 2 + (b - y) ** 2;
    if (distance < least) [nearest, least] = [k, distance];
  });
  shown.hidden = nearest < 0;
  if (nearest < 0) return;
  const parts = [map.titles[nearest]];
  if (map.pictures[nearest]) {
    const picture = new Image();
    picture.src = map.pictures[nearest];
    picture.alt = "";
    parts.unshift(picture);
  }
  shown.replaceChildren(...parts);
  shown.style.left = `${Math.min(event.clientX + 14, innerWidth - 260)}px`;
  shown.style.top = `${Math.min(event.clientY + 14, innerHeight - 200)}px`;
});
canvas.addEventListener("pointerleave", () => { shown.hidden = true; });
addEventListener("resize", draw);
draw();
"""


def colours_of(kinds: Sequence[str | None]) -> dict[str, str]:
    """Return the colour of each of the commonest kinds, and of the others if there are any; one kind needs none.

    >>> list(colours_of(["cat", "dog", "cat", None]))
    ['cat', 'dog', 'others']
    """
    counted = Counter(kind for kind in kinds if kind is not None)
    commonest = sorted(counted, key=lambda kind: (-counted[kind], kind))[: len(PALETTE)]
    colours = dict(zip(commonest, PALETTE, strict=False))
    if commonest and any(kind not in colours for kind in kinds):
        colours[OTHERS] = MUTED
    return colours


def scatter(
    points: "Float64[np.ndarray, 'n 2']", kinds: Sequence[str | None], title: str, *, attribution: str = ""
) -> "Figure":
    """Return a drawing of points, coloured by their kinds, with a title on top."""
    figure = new_figure(*SIZE)
    axes = figure.subplots()
    colours = colours_of(kinds)
    size = 8 if len(points) > MANY else 24
    for name, colour in (colours or {"": ACCENT}).items():
        rows = [k for k, kind in enumerate(kinds) if not name or _named(kind, colours) == name]
        axes.scatter(points[rows, 0], points[rows, 1], s=size, color=colour, label=name, alpha=0.75, linewidths=0)
    axes.set_title(
        title, loc="left", color=INK, fontsize=13, fontweight="bold", pad=12, family=list(families()), parse_math=False
    )
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(RULE)
    if colours:
        legend = axes.legend(
            frameon=False, fontsize=10, ncols=LEGEND_COLUMNS, loc="upper left", bbox_to_anchor=(0, -0.02)
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
            text.set_fontfamily(list(families()))
    if attribution:
        figure.supxlabel(attribution, x=0.01, ha="left", fontsize=8, color=MUTED, parse_math=False, wrap=True)
    return figure


def scatter_page(
    points: "Float64[np.ndarray, 'n 2']",
    kinds: Sequence[str | None],
    title: str,
    *,
    titles: Sequence[str],
    pictures: "Sequence[Image | None]",
    note: str,
    attribution: str = "",
) -> str:
    """Return the same as a self-contained page, which shows a point's picture and title where one points at it."""
    colours = colours_of(kinds) or {"": ACCENT}
    names = list(colours)
    held: Mapping[str, Any] = {
        "points": [[round(x, 5), round(y, 5)] for x, y in points.tolist()],
        "kinds": [names.index(_named(kind, colours)) if names != [""] else 0 for kind in kinds],
        "colours": list(colours.values()),
        "radius": 2 if len(points) > MANY else 4,
        "titles": list(titles),
        "pictures": [None if picture is None else data_uri(picture, quality=QUALITY) for picture in pictures],
    }
    legend = [tag("li", tag("span", style=f"background: {colour}"), name) for name, colour in colours.items() if name]
    head = tag("head", tag("meta", charset="utf-8"), tag("title", title), tag("style", Markup(STYLE)))
    body = tag(
        "body",
        tag("h1", title),
        tag("p", note),
        tag("ul", *legend),
        tag("canvas", role="img", aria_label=f"{title}: {note}"),
        tag("div", id="shown", hidden=""),
        tag("p", attribution),
        tag("script", json_in_script(held), type="application/json", id="map"),
        tag("script", Markup(SCRIPT)),
    )
    return joined([Markup("<!doctype html>\n"), tag("html", head, body, lang="en")])


def _named(kind: str | None, colours: Mapping[str, str]) -> str:
    return kind if kind is not None and kind in colours else OTHERS
