// Draws values as colours over picture regions and behind words: orange raises a similarity, blue lowers it.
import { drawn, element } from "./dom.js";

/** Colours of zero, of the strongest positive and of the strongest negative value, as in saved explanations. */
const [NOTHING, ADDS, TAKES] = ["#f5f5f5", "#9b4805", "#2863ab"];
/** The share above which white text has more contrast than black text. */
const DARK = 0.87;
const STEPS = 33;

/** Return the colour of a share between -1 and 1, in perceptually even steps. */
const colour = share => `color-mix(in oklab, ${share > 0 ? ADDS : TAKES} ${Math.round(100 * Math.abs(share))}%, ${NOTHING})`;

const strongest = values => Math.max(...values.map(Math.abs));

/** Return values relative to the strongest. */
function shares(values) {
  const top = strongest(values);
  return values.map(value => top ? value / top : 0);
}

const spelt = value => value.toPrecision(2);

/** Return an overlay of regions for a picture. */
export function litRegions({ width, height, regions }, values) {
  const share = shares(values);
  return drawn("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    ...regions.map(({ left, top, right, bottom }, each) => drawn("rect", { x: left, y: top, width: right - left,
      height: bottom - top, fill: colour(share[each]), "shape-rendering": "crispEdges" }, drawn("title", {}, spelt(values[each])))));
}

/** Return a text with shaded words; the text between them stays plain. Positions count code points. */
export function shadedWords(text, words, values) {
  const signs = [...text];
  const share = shares(values);
  const said = [];
  let place = 0;
  words.forEach(({ start, end }, each) => {
    const mark = element("mark", { title: spelt(values[each]) }, signs.slice(start, end).join(""));
    mark.style.backgroundColor = colour(share[each]);
    mark.style.color = Math.abs(share[each]) > DARK ? "white" : "black";
    said.push(signs.slice(place, start).join(""), mark);
    place = end;
  });
  return element("p", { class: "words" }, ...said, signs.slice(place).join(""));
}

/** Return the legend of some values; `sides` pairs a plural noun with its values. */
export function legend(sides) {
  const steps = Array.from({ length: STEPS }, (_, step) =>
    drawn("rect", { x: step, y: 0, width: 1, height: 1, "shape-rendering": "crispEdges", fill: colour(2 * step / (STEPS - 1) - 1) }));
  return element("p", { class: "legend" },
    element("span", {}, "lowers"),
    drawn("svg", { viewBox: `0 0 ${STEPS} 1`, width: 120, height: 8, preserveAspectRatio: "none", "aria-hidden": "true" }, ...steps),
    element("span", {}, "raises"),
    element("span", {}, `full colour: ${sides.map(([name, values]) => `${name} ${spelt(strongest(values))}`).join(", ")}`));
}
