// Why a hit was found: regions lit and words shaded, in each space, by each way of asking.
import { post } from "./api.js";
import { element, errorBox, figure, loadingBox } from "./dom.js";
import { legend, litRegions, shadedWords } from "./heat.js";

const FUSED = { name: "fused" };
const WAYS = { attention: "Attention", gradient: "Gradients", integrated: "Integrated gradients", occlusion: "Occlusion" };

/** Ask for an explanation and show it in `place`, its regions over the picture in `seen`. */
export async function showExplanation(place, seen, { collection, id, text, image }) {
  if (!text && !image) return;
  place.replaceChildren(loadingBox("Asking why …"));
  try {
    const record = await post("/v1/explain", { collection, id, text: image ? "" : text, image });
    if (place.isConnected) show(place, seen, record);
  } catch (error) {
    if (place.isConnected) place.replaceChildren(errorBox(error));
  }
}

function show(place, seen, record) {
  const content = element("div", { class: "reasons" });
  const redraw = () => {
    const [space, way] = ["space", "way"].map(name => place.querySelector(`input[name=${name}]:checked`).value);
    seen?.querySelector("svg")?.remove();
    content.replaceChildren(...(space === FUSED.name ? fusion(record) : []), ...one(all, space, way, seen, record));
  };
  const all = [...record.spaces, ...(record.spaces.length > 1 ? [{ ...FUSED, similarity: record.fused, ways: record.fused_ways }] : [])];
  const spaces = Object.fromEntries(all.map(({ name }) => [name, name]));
  const ways = choice("way", "Shown by", Object.fromEntries(Object.keys(record.spaces[0].ways).map(way => [way, WAYS[way] ?? way])), redraw);
  place.replaceChildren(element("h3", {}, "Why it was found"), choice("space", "Space", spaces, redraw), ways, content);
  redraw();
}

function one(spaces, name, way, seen, record) {
  const space = spaces.find(each => each.name === name);
  const { image, words, reason } = space.ways[way];
  const parts = [element("p", { class: "muted" }, `Similarity ${name === FUSED.name ? "after fusion" : "in this space"}: ${figure(space.similarity)}`)];
  if (reason) parts.push(element("p", { class: "muted" }, reason));
  const lights = image.length > 0 && seen !== null;
  seen?.classList.toggle("lit", lights);
  if (lights) {
    seen.append(litRegions(record.image, image));
    parts.push(legend("regions", image));
  }
  if (words.length) parts.push(shadedWords(record.text, record.words, words), legend("words", words));
  return parts;
}

function fusion(record) {
  const told = [...record.spaces.map(({ name, similarity }) => [name, figure(similarity)]),
    ...Object.entries(record.fusion).filter(([, value]) => value !== null)
      .map(([name, value]) => [name, typeof value === "number" ? figure(value) : value])];
  return [element("dl", { class: "pairs" }, told.flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, value)]))];
}

function choice(name, title, values, changed) {
  return element("fieldset", {}, element("legend", {}, title), Object.entries(values).map(([value, label], each) =>
    element("label", {}, element("input", { type: "radio", name, value, checked: each === 0, onchange: changed }), label)));
}
