// What the page shows before the first search: queries to try and the newest pictures.
import { chip, chipRow } from "./chips.js";
import { byId, element, emptyBox } from "./dom.js";
import { listenForArrows, settle } from "./grid.js";
import { card, clear, creditOf } from "./results.js";
import { keptRows } from "./saved.js";

const HOW = "Describe what you are looking for, or choose, drop or paste a picture.";

/** Show the beginning of a collection; `look` opens one of its items, `ask` searches for a text, `again` at an address. */
export function showStart(collection, { newest = [], queries = [] }, { look, ask, again }) {
  clear();
  if (!collection) return;
  if (!collection.items) {
    byId("state").replaceChildren(emptyBox("This collection is empty.", `Add items: diptych collection add ${collection.name} FOLDER`));
    return;
  }
  const [items, images] = [collection.items, collection.images].map(count => count.toLocaleString("en"));
  const tries = queries.length ? chipRow("Try", queries.map(query => chip(query, { onclick: () => ask(query) }))) : null;
  const name = collection.images ? "Newest pictures" : "Texts";
  const tiles = element("ul", { class: "tiles", "aria-label": name }, newest.map(item => element("li", {}, card(item, look, "tile"))));
  listenForArrows(tiles);
  settle(tiles);
  const cleared = () => {
    showStart(collection, { newest, queries }, { look, ask, again });
    byId("text").focus();
  };
  byId("state").replaceChildren(...[
    ...keptRows(again, cleared),
    tries,
    ...(newest.length ? [element("h2", {}, name), tiles] : []),
    element("p", { class: "muted small" }, `${items} items to search, ${images} with a picture. ${HOW}`),
  ].filter(Boolean));
  byId("attribution").textContent = creditOf(newest);
}
