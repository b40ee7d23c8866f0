// Saved searches and the latest ones, kept in this browser alone.
import { chip, chipRow } from "./chips.js";
import { byId } from "./dom.js";

const KEPT = { saved: "diptych-saved", recent: "diptych-recent" };
const MOST = { saved: 50, recent: 8 };

/** Return what is kept; anything else in the browser's storage is left out. */
function kept(kind) {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT[kind]));
    return Array.isArray(found) ? found.filter(({ label, address }) =>
      typeof label === "string" && typeof address === "string" && address.startsWith("?")) : [];
  } catch {
    return [];
  }
}

function keep(kind, searches) {
  try {
    localStorage.setItem(KEPT[kind], JSON.stringify(searches.slice(0, MOST[kind])));
  } catch {
    // the browser keeps nothing for this page: searching goes on without it
  }
}

const others = (kind, address) => kept(kind).filter(each => each.address !== address);

/** Say a search in a few words. */
function spelled({ text, like, not, where, collection }, several) {
  return [text, like && `like ${like}`, ...not.map(each => `without ${each}`), where, several && collection].filter(Boolean).join(" · ");
}

/** Remember the search in the address as the latest one. */
export function remember(search, several) {
  keep("recent", [{ label: spelled(search, several), address: location.search }, ...others("recent", location.search)]);
}

/** Offer to save the search in the address, or to forget it; null if there is nothing to save. */
export function offerSaving(search, several) {
  const button = byId("save");
  button.hidden = search === null;
  if (!search) return;
  const show = () => button.setAttribute("aria-pressed", String(kept("saved").some(({ address }) => address === location.search)));
  button.onclick = () => {
    const rest = others("saved", location.search);
    const isSaved = rest.length < kept("saved").length;
    keep("saved", isSaved ? rest : [{ label: spelled(search, several), address: location.search }, ...rest]);
    show();
  };
  show();
}

/** Return rows of the saved and of the latest searches; `again` is called with the address of one. */
export function keptRows(again, cleared) {
  const rows = { saved: "Saved", recent: "Recent" };
  return Object.entries(rows).map(([kind, name]) => {
    const chips = kept(kind).map(({ label, address }) => chip(label, { onclick: () => again(address) }));
    if (!chips.length) return null;
    const forget = chip("Clear", { onclick: () => {
      localStorage.removeItem(KEPT[kind]);
      cleared();
    } });
    return chipRow(name, kind === "recent" ? [...chips, forget] : chips);
  });
}
