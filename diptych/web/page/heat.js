// Values as colours: regions over a picture, words on the paper, and the legend of both.
import { drawn, element, figure } from "./dom.js";

/** Viridis: perceptually even, and told apart by the colour-blind. */
const STOPS = ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"]
  .map(stop => [0, 2, 4].map(place => parseInt(stop.slice(place, place + 2), 16)));
const OPACITY = 0.62;

/** Return the colour of a share between 0 and 1. */
export function colour(share) {
  const place = Math.min(Math.max(share, 0), 1) * (STOPS.length - 1);
  const low = Math.min(Math.floor(place), STOPS.length - 2);
  const mixed = STOPS[low].map((value, each) => Math.round(value + (place - low) * (STOPS[low + 1][each] - value)));
  return `rgb(${mixed.join(" ")})`;
}

/** Return values between 0 for the least and 1 for the most. */
export function shares(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return values.map(value => most > least ? (value - least) / (most - least) : 0.5);
}

/** Light regions of a picture in a canvas that lies over it. */
export function lightRegions(canvas, { width, height, regions }, values) {
  const scale = Math.min(1, 1024 / Math.max(width, height));
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.globalAlpha = OPACITY;
  shares(values).forEach((share, each) => {
    const { left, top, right, bottom } = regions[each];
    const [x, y] = [Math.round(left * scale), Math.round(top * scale)];
    context.fillStyle = colour(share);
    context.fillRect(x, y, Math.round(right * scale) - x, Math.round(bottom * scale) - y);
  });
}

/** Return a text with its words shaded; what lies between them stays plain. */
export function shadedWords(text, words, values) {
  const said = [];
  const share = shares(values);
  let place = 0;
  words.forEach(({ start, end }, each) => {
    said.push(text.slice(place, start));
    const mark = element("mark", { title: figure(values[each]) }, text.slice(start, end));
    mark.style.setProperty("--share", `${Math.round(100 * DEEPEST * share[each])}%`);
    said.push(mark);
    place = end;
  });
  return element("p", { class: "words" }, ...said, text.slice(place));
}

/** How much of a colour the word with the largest value gets. */
const DEEPEST = 0.6;

/** Return how a step of the legend of regions looks, by its share. */
export const lit = share => ({ fill: colour(share) });

/** Return how a step of the legend of words looks, by its share. */
export const shaded = share => ({ class: "shade", "fill-opacity": DEEPEST * share });

/** Return a legend, from the least value to the most. */
export function legend(values, look) {
  const steps = Array.from({ length: 40 }, (_, step) =>
    drawn("rect", { x: step * 5, y: 0, width: 5, height: 10, "shape-rendering": "crispEdges", ...look(step / 39) }));
  return element("p", { class: "legend" },
    element("span", {}, `least ${figure(Math.min(...values))}`),
    drawn("svg", { viewBox: "0 0 200 10", width: 160, height: 8, "aria-hidden": "true" }, ...steps),
    element("span", {}, `most ${figure(Math.max(...values))}`));
}
