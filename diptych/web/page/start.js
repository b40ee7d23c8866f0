// What the page shows before the first search: queries to try and the newest pictures.
import { chip, chipRow } from "./chips.js";
import { byId, element, emptyBox } from "./dom.js";
import { card, clear } from "./results.js";

/** Show the beginning of a collection; `look` opens one of its items, `ask` searches for a text. */
export function showStart(collection, { newest = [], queries = [] } = {}, { look, ask }) {
  clear();
  if (!collection) return;
  if (!collection.items) {
    byId("state").replaceChildren(emptyBox("This collection is empty.", `Add items: diptych collection add ${collection.name} FOLDER`));
    return;
  }
  const [items, images] = [collection.items, collection.images].map(count => count.toLocaleString("en"));
  const tries = queries.length ? chipRow("Try", queries.map(query => chip(query, { onclick: () => ask(query) }))) : null;
  const tiles = newest.map(item => element("li", {}, card(item, look, "tile")));
  byId("state").replaceChildren(...[
    tries,
    tiles.length ? element("h2", {}, collection.images ? "Newest pictures" : "Texts") : null,
    tiles.length ? element("ul", { class: "tiles", "aria-label": collection.images ? "Newest pictures" : "Texts" }, tiles) : null,
    element("p", { class: "muted small" }, `${items} items to search, ${images} with a picture. Describe what you are looking for, or choose, drop or paste a picture.`),
  ].filter(Boolean));
}
