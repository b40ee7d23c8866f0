// Line plots over epochs, with labelled axes.
import { drawn, element, figure } from "./dom.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [560, 260, 56, 16, 12, 44];
const STROKES = ["first", "second", "third", "fourth", "fifth", "sixth"];

/** Return a figure: `lines` are {name, points: [[x, y], …]}; `across` and `up` name the axes. */
export function plot(title, lines, { across, up }) {
  const points = lines.flatMap(line => line.points);
  const horizontal = scale(points.map(([x]) => x), LEFT, WIDTH - RIGHT);
  const vertical = scale(points.map(([, y]) => y), HEIGHT - BOTTOM, TOP);
  const labelled = lines.map(({ name }, each) =>
    element("span", {}, element("span", { class: `key ${STROKES[each % STROKES.length]}` }), name));
  return element("figure", { class: "plot" },
    element("figcaption", {}, element("h3", {}, title), lines.length > 1 && element("p", { class: "keys" }, labelled)),
    drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": described(title, lines) },
      ...steps(vertical).map(value => grid(value, vertical.at(value))),
      ...steps(horizontal, true).map(value => tick(value, horizontal.at(value))),
      drawn("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, across),
      drawn("text", { x: 14, y: (TOP + HEIGHT - BOTTOM) / 2, "text-anchor": "middle",
        transform: `rotate(-90 14 ${(TOP + HEIGHT - BOTTOM) / 2})` }, up),
      ...lines.map((line, each) => stroke(line, STROKES[each % STROKES.length], horizontal, vertical))));
}

function described(title, lines) {
  const told = lines.map(({ name, points }) => `${name} from ${figure(points[0][1])} to ${figure(points.at(-1)[1])}`);
  return `${title}: ${told.join("; ")}`;
}

function stroke({ points }, kind, horizontal, vertical) {
  const path = points.map(([x, y]) => `${horizontal.at(x).toFixed(1)},${vertical.at(y).toFixed(1)}`);
  if (path.length > 1) return drawn("polyline", { points: path.join(" "), class: `line ${kind}` });
  const [x, y] = path[0].split(",");
  return drawn("circle", { cx: x, cy: y, r: 3, class: `dot ${kind}` });
}

const grid = (value, y) => drawn("g", {},
  drawn("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y, class: "grid" }),
  drawn("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, short(value)));

const tick = (value, x) => drawn("text", { x, y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, short(value));

const short = value => String(Number(value.toPrecision(3)));

function scale(values, begin, end) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  return { low, high, at: value => begin + (value - low) / (high - low) * (end - begin) };
}

function steps({ low, high }, whole = false) {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  let step = [1, 2, 5, 10].map(each => each * power).find(each => each >= rough);
  if (whole) step = Math.max(1, Math.round(step));
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, each) => (first + each) * step);
}
