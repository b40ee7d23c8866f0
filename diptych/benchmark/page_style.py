"""Style and sorting of a benchmark's page: light and dark, responsive, without external resources."""

from diptych.drawing.sheet import ACCENT, INK, MUTED, PALETTE, PAPER, RULE, WASH

LIGHT = {
    "ink": INK, "muted": MUTED, "rule": RULE, "paper": PAPER, "wash": WASH, "first": ACCENT, "second": PALETTE[1],
    "beside": "#b3bac3",
}  # fmt: skip
DARK = {
    "ink": "#e8eaed", "muted": "#a3abb5", "rule": "#363c44", "paper": "#14171b", "wash": "#1e2329",
    "first": PALETTE[5], "second": PALETTE[4], "beside": "#7b838d",
}  # fmt: skip
"""`first` and `second` are the two directions, and the two signs of a difference."""


def _variables(colours: dict[str, str]) -> str:
    return ":root { " + " ".join(f"--{name}: {colour};" for name, colour in colours.items()) + " }"


STYLE = (
    _variables(LIGHT)
    + "\n@media (prefers-color-scheme: dark) { "
    + _variables(DARK)
    + " }"
    + """
:root { color-scheme: light dark; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.25rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.25rem; margin: 3rem 0 .5rem; }
p, dl, ul { max-width: 46rem; margin: .5rem 0; }
.lead { font-size: 1.125rem; }
.note, caption, figcaption { color: var(--muted); font-size: .875rem; }
a { color: var(--first); }
code, .label { font-family: ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", monospace; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; max-width: none; }

.scroll { overflow-x: auto; margin: 1rem 0; }
.scroll:focus-visible { outline: 2px solid var(--first); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0 0 .5rem; }
caption span { display: inline-block; position: sticky; left: 0; max-width: min(46rem, calc(100vw - 2.5rem)); }
th, td { padding: .3125rem .625rem; text-align: left; vertical-align: baseline; white-space: nowrap;
  border-bottom: 1px solid var(--rule); }
th:first-child, td:first-child { padding-left: 0; }
thead th { color: var(--muted); font-weight: 500; vertical-align: bottom; border-bottom-color: var(--muted); }
tbody th { font-weight: 500; background: var(--paper); }
.number { text-align: right; }
.wide { white-space: normal; min-width: 16rem; }
.named { position: sticky; left: 0; }
.narrow { white-space: normal; max-width: 7rem; }
.foreign { color: var(--muted); font-style: italic; }
.faint { color: var(--muted); }
.tinted { background: color-mix(in srgb, var(--tint) calc(var(--share) * 1%), var(--paper)); }
.ahead { --tint: var(--first); }
.behind { --tint: var(--second); }
.self { background: var(--wash); }
thead button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer;
  text-align: inherit; text-decoration: underline dotted; text-underline-offset: .25em; }
thead [aria-sort=ascending] button::after { content: " ▲"; }
thead [aria-sort=descending] button::after { content: " ▼"; }

figure { margin: 1rem 0; }
figcaption { margin-bottom: .5rem; max-width: 46rem; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(13.75rem, 100%), 1fr)); gap: 1.25rem; }
.panels figure { margin: 0; }
.panels h3 { font-size: .875rem; font-weight: 500; margin: 0; }
.plot { display: block; width: 100%; height: auto; }
.panels .plot { max-width: 18rem; }
.broad .plot { min-width: 40rem; max-width: 60rem; }
.plot text { fill: var(--muted); font-size: 11px; }
.plot .label { fill: var(--ink); font-size: 12px; }
.plot .grid { stroke: var(--rule); stroke-width: 1; }
.plot polyline { fill: none; stroke-width: 1.75; }
.plot .image_to_text { stroke: var(--first); }
.plot .text_to_image { stroke: var(--second); stroke-dasharray: 5 3; }
.plot .beside { stroke: var(--beside); stroke-width: 1.25; }
.plot .point { fill: var(--first); }
.plot .leader { stroke: var(--beside); stroke-width: 1; }
.keys { display: flex; flex-wrap: wrap; gap: 0 1.25rem; }
.key { display: inline-block; width: 2rem; height: 0; border-top: 2.5px solid; vertical-align: .3em; }
.key.image_to_text { border-color: var(--first); }
.key.text_to_image { border-color: var(--second); border-top-style: dashed; }
.key.beside { border-color: var(--beside); }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .375rem 1rem; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) { body { padding: 1.25rem 1rem 3rem; } dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; } }
@media print { .scroll { overflow: visible; } .panels figure { break-inside: avoid; } }
"""
)

SORTING = """
document.querySelectorAll("table.sortable thead th").forEach((heading, column) => {
  const button = document.createElement("button");
  button.append(...heading.childNodes);
  heading.append(button);
  button.addEventListener("click", () => {
    const body = heading.closest("table").tBodies[0];
    const up = heading.getAttribute("aria-sort") === "descending";
    const text = row => row.cells[column].textContent;
    const number = row => parseFloat(text(row).replaceAll(",", "")) || 0;
    const order = (a, b) => number(a) - number(b) || text(a).localeCompare(text(b), "en");
    heading.parentNode.querySelectorAll("th").forEach(other => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    body.append(...[...body.rows].sort((a, b) => up ? order(a, b) : order(b, a)));
  });
});
"""
"""Sorts a table by the column whose heading is clicked."""
