// Explains a hit: highlights regions and words for each space, attribution method and part of the search.
import { post, showPicture, within } from "./api.js";
import { element, errorBox, figure, loadingBox } from "./dom.js";
import { legend, litRegions, shadedWords } from "./heat.js";

const FUSED = "fused";
const WAYS = { attention: "Attention", gradient: "Gradients", integrated: "Integrated gradients", occlusion: "Occlusion" };

/**
 * Return the parts of a search that a hit was compared with: for each its name, the fields of the request, and a
 * function that shows its picture. The side of the hit is the one that the search compared.
 */
export function comparisons(hit, { collection, text, like, not, against, fusion }, image) {
  const usual = against || (image && !text && !like ? "text" : "image");
  const has = { image: hit.thumbnail !== null, text: hit.texts.length > 0 };
  const side = has[usual] ? usual : { image: "text", text: "image" }[usual];
  const liked = within(collection, "thumbnails", like);
  return [
    ...(text ? [{ name: `“${text}”`, fields: { text } }] : []),
    ...(image ? [{ name: "the picture", fields: { image }, shows: shown => showFile(shown, image) }] : []),
    ...(like ? [{ name: `like ${like}`, fields: { like }, shows: shown => showPicture(shown, `${liked}?side=512`) }] : []),
    ...not.map(unwanted => ({ name: `without “${unwanted}”`, fields: { text: unwanted } })),
  ].map(part => ({ ...part, side, fields: { ...part.fields, against: side, fusion } }));
}

/** Show an explanation in `place`, with regions highlighted over the picture in `seen`; `told` receives each response. */
export function showExplanation(place, seen, { collection, id, parts, weights, told }) {
  const answer = element("div", { class: "reasons" });
  const view = {};
  const load = () => {
    const part = parts[Number(chosen(place, "part") ?? 0)];
    part.record ??= post("/v1/explain", { collection, id, ...part.fields });
    wait(answer, seen);
    const stays = () => place.isConnected && parts[Number(chosen(place, "part") ?? 0)] === part;
    part.record.then(record => {
      if (!stays()) return;
      told(record);
      show(answer, part, seen, record, view);
    }, error => {
      part.record = null;
      if (stays()) answer.replaceChildren(errorBox(error, load));
    });
  };
  place.replaceChildren(element("h3", {}, "Why it matches"),
    ...(parts.length > 1 ? [choice("part", "Compared with", parts.map(({ name }, each) => [String(each), name]), "0", load),
      element("p", { class: "muted" }, weights)] : []),
    answer);
  load();
}

const chosen = (place, name) => place.querySelector(`input[name=${name}]:checked`)?.value;

function wait(answer, seen) {
  unlight(seen);
  answer.replaceChildren(loadingBox("Computing the explanation …"));
}

function showFile(image, file) {
  const shown = URL.createObjectURL(file);
  image.addEventListener("load", () => URL.revokeObjectURL(shown), { once: true });
  image.src = shown;
}

function unlight(seen) {
  seen?.querySelector("svg")?.remove();
  seen?.classList.remove("lit");
}

/** Show one explanation: in the space and by the method selected before, or by the first ones that have something to show. */
function show(place, part, own, record, view) {
  const spaces = views(record);
  const asked = part.side === "text" && record.image ? picture(part) : null;
  const seen = asked ?? own;
  const ways = Object.keys(record.spaces[0].ways);
  const content = element("div", { class: "reasons" });
  const space = spaces.find(({ name }) => name === view.space) ?? spaces.find(each => firstSaying(each, seen)) ?? spaces[0];
  const way = ways.includes(view.way) ? view.way : firstSaying(space, seen) ?? ways[0];
  const redraw = () => {
    Object.assign(view, { space: chosen(place, "space") ?? spaces[0].name, way: chosen(place, "way") });
    unlight(seen);
    content.replaceChildren(...one(spaces.find(({ name }) => name === view.space), view.way, seen, record));
  };
  place.replaceChildren(
    ...(spaces.length > 1 ? [choice("space", "Space", spaces.map(({ name }) => [name, name]), space.name, redraw)] : []),
    choice("way", "Method", ways.map(each => [each, WAYS[each] ?? each]), way, redraw), asked ?? "", content);
  redraw();
}

/** Return the first method that highlights regions of a picture that is shown, or words. */
const firstSaying = ({ ways }, seen) => Object.keys(ways).find(way => (seen && ways[way].image.length) || ways[way].words.length);

/** Return the picture that the hit's texts were compared with. */
function picture(part) {
  const shown = element("img", { alt: "The query picture" });
  const fail = () => shown.replaceWith(element("p", { class: "state" }, "The picture could not be loaded."));
  shown.addEventListener("error", fail);
  Promise.resolve(part.shows(shown)).catch(fail);
  return element("div", { class: "seen asked" }, shown);
}

/** Return the available views: the fused similarity, if there is one, then each space. */
function views({ spaces, fused, fused_ways: ways }) {
  return [...(spaces.length > 1 && fused !== null ? [{ name: FUSED, similarity: fused, ways }] : []), ...spaces];
}

function one(space, way, seen, record) {
  const { image, words, reason } = space.ways[way];
  const lights = image.length > 0 && seen !== null;
  const where = space.name === FUSED ? "after fusion" : `in the ${space.name} space`;
  const parts = [element("p", {}, `Similarity ${where}: ${figure(space.similarity)}`)];
  if (lights) {
    seen.append(litRegions(record.image, image));
    seen.classList.add("lit");
  }
  if (words.length) parts.push(shadedWords(record.text, record.words, words));
  const sides = [["regions", lights ? image : []], ["words", words]].filter(([, values]) => values.length);
  if (sides.length) parts.push(legend(sides));
  return [...parts, ...notes(space, reason, record).map(note => element("p", { class: "muted" }, note))];
}

function notes(space, reason, { held, fused, fusion }) {
  const told = [held && `Compared with ${held}, which is kept fixed.`, reason];
  if (space.name === FUSED) {
    const weight = fusion.weight === null ? "" : `, with weight ${figure(fusion.weight, 2)} on the visual space`;
    told.push(`Fused by ${fusion.rule}${weight}, normalised over ${fusion.reference}.`);
  } else if (fused === null) told.push(`Not fused: ${fusion.reference}`);
  return told.filter(Boolean);
}

function choice(name, title, values, before, changed) {
  return element("fieldset", {}, element("legend", {}, title), values.map(([value, label]) =>
    element("label", {}, element("input", { type: "radio", name, value, checked: value === before, onchange: changed }), element("span", {}, label))));
}
