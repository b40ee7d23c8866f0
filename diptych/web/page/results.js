// Search results: a grid of pictures and texts, a button for more, and the credit of the data set.
import { showPicture } from "./api.js";
import { byId, element, emptyBox, errorBox, figure, loadingBox } from "./dom.js";
import { hasWhiteEdge } from "./edges.js";
import { settle } from "./grid.js";
import { tellWhole } from "./whole.js";

const hits = new WeakMap();

/** Return the hit of a card. */
export const hitOf = card => hits.get(card);

/** Show that a search is running. */
export function showWaiting() {
  byId("results").setAttribute("aria-busy", "true");
  if (!byId("hits").children.length) byId("state").replaceChildren(loadingBox("Searching …"));
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
  const cards = answer.hits.map(hit => element("li", {}, card(hit, open)));
  byId("hits").append(...cards);
  settle(byId("hits"));
  byId("more").hidden = !more;
  byId("select").hidden = !byId("hits").children.length;
  byId("attribution").textContent = answer.attribution;
  const count = byId("hits").children.length;
  if (!count) byId("state").replaceChildren(emptyBox("No items match.", "Relax the filter, or search for something else."));
  byId("count").textContent = count ? counted(answer, count, more) : "No results";
  if (goesOn && cards.length) cards[0].querySelector("button").focus();
}

/** Say how many hits are shown, of how many, and how they were found. */
function counted({ listed, total, seconds, exact, unknown_words: share }, count, more) {
  if (listed) return `${more ? "The first " : ""}${count.toLocaleString("en")} ${count === 1 ? "item" : "items"}, in the order of their ids`;
  const among = total === null ? "" : ` of ${total.toLocaleString("en")}`;
  const unknown = share ? ` · ${Math.round(100 * share)} % of the words are unknown` : "";
  return `${count}${among} · ${Math.round(1000 * seconds)} ms${exact ? "" : " · approximate"}${unknown}`;
}

/** Return the credits of items, which must be shown with their pictures. */
export const creditOf = items => [...new Set(items.map(({ columns }) => columns.attribution).filter(Boolean))].join(" ");

/** Clear the results. */
export function clear() {
  byId("results").removeAttribute("aria-busy");
  byId("hits").replaceChildren();
  byId("state").replaceChildren();
  byId("more").hidden = byId("select").hidden = byId("save").hidden = true;
  byId("count").textContent = byId("attribution").textContent = "";
}

/** Return the button of a hit, or of an item that no search has found; `open` is called with both. */
export function card(hit, open, kind = "hit") {
  const label = hit.texts[0] ?? hit.id;
  const button = element("button", { type: "button", class: kind, tabindex: "-1", onclick: () => open(hit, button) },
    hit.thumbnail ? thumbnail(hit) : element("span", { class: "said" }, label),
    element("span", { class: "line" },
      hit.rank ? element("span", { class: "rank" }, String(hit.rank)) : null,
      element("span", { class: "name" }, hit.thumbnail ? label : hit.id),
      hit.rank ? element("span", { class: "similarity", title: "Similarity" }, figure(hit.similarity)) : null));
  hits.set(button, hit);
  tellWhole(button, () => hit.thumbnail ? [...hit.texts, hit.id] : cut(button.querySelector(".name")) ? [hit.id] : []);
  return button;
}

const cut = line => line.scrollWidth > line.clientWidth;

function thumbnail(hit) {
  const image = element("img", { alt: "", width: 256, height: 256, loading: "lazy", decoding: "async" });
  const frame = element("span", { class: "frame" }, image);
  const fail = () => frame.replaceChildren(element("span", { class: "muted" }, "No picture"));
  image.addEventListener("load", () => frame.classList.toggle("white", hasWhiteEdge(image)));
  image.addEventListener("error", fail);
  showPicture(image, `${hit.thumbnail}?side=256`).catch(fail);
  return frame;
}
