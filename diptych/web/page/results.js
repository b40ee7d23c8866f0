// Search results: a grid of pictures and texts, a button for more, and the credit of the data set.
import { showPicture } from "./api.js";
import { byId, element, emptyBox, errorBox, figure, loadingBox } from "./dom.js";

/** Show that a search is running. */
export function showWaiting() {
  byId("results").setAttribute("aria-busy", "true");
  if (!byId("hits").children.length) byId("state").replaceChildren(loadingBox("Searching …"));
}

/** Show the size of the collection before the first search. */
export function showStart(collection) {
  clear();
  if (!collection) return;
  const [items, images] = [collection.items, collection.images].map(count => count.toLocaleString("en"));
  byId("state").replaceChildren(collection.items
    ? emptyBox(`${items} items to search, ${images} with a picture.`, "Describe what you are looking for, or choose, drop or paste a picture.")
    : emptyBox("This collection is empty.", `Add items: diptych collection add ${collection.name} FOLDER`));
}

/** Show why a search failed. */
export function showError(error, retry = null) {
  clear();
  byId("state").replaceChildren(errorBox(error, retry));
}

/** Show a page of hits, below earlier ones if `goesOn`; `open` is called with a hit and its button. */
export function showHits(answer, { goesOn, more, open }) {
  if (!goesOn) clear();
  byId("results").removeAttribute("aria-busy");
  const cards = answer.hits.map(hit => card(hit, open));
  byId("hits").append(...cards);
  byId("more").hidden = !more;
  byId("attribution").textContent = answer.attribution;
  const count = byId("hits").children.length;
  if (!count) byId("state").replaceChildren(emptyBox("No items match.", "Relax the filter, or search for something else."));
  const among = answer.total === null ? "" : ` of ${answer.total.toLocaleString("en")}`;
  const unknown = answer.unknown_words ? ` · ${Math.round(100 * answer.unknown_words)} % of the words are unknown` : "";
  byId("count").textContent = count ? `${count}${among} · ${Math.round(1000 * answer.seconds)} ms${answer.exact ? "" : " · approximate"}${unknown}` : "No results";
  if (goesOn && cards.length) cards[0].querySelector("button").focus();
}

/** Clear the results. */
function clear() {
  byId("results").removeAttribute("aria-busy");
  byId("hits").replaceChildren();
  byId("state").replaceChildren();
  byId("more").hidden = true;
  byId("count").textContent = byId("attribution").textContent = "";
}

function card(hit, open) {
  const label = hit.texts[0] ?? hit.id;
  const button = element("button", { type: "button", class: "hit", onclick: () => open(hit, button) },
    hit.thumbnail ? thumbnail(hit) : element("span", { class: "said" }, label),
    element("span", { class: "line" },
      element("span", { class: "rank" }, String(hit.rank)),
      element("span", { class: "name" }, hit.thumbnail ? label : hit.id),
      element("span", { class: "similarity", title: "Similarity" }, figure(hit.similarity))));
  return element("li", {}, button);
}

function thumbnail(hit) {
  const image = element("img", { alt: "", width: 256, height: 256, loading: "lazy", decoding: "async" });
  const frame = element("span", { class: "frame" }, image);
  const fail = () => frame.replaceChildren(element("span", { class: "muted" }, "No picture"));
  image.addEventListener("error", fail);
  showPicture(image, `${hit.thumbnail}?side=256`).catch(fail);
  return frame;
}
