// The dialog of one hit: its texts and columns, its explanation, and the available actions.
import { ask, showPicture, within } from "./api.js";
import { byId, element, errorBox, figure } from "./dom.js";
import { comparisons, showExplanation } from "./explaining.js";
import { neighbour } from "./grid.js";
import { savePicture } from "./saving.js";
import { openZoom } from "./zoom.js";

/** Open the dialog of a hit of `search`; `like` and `removed` are called with the hit. */
export function openItem(hit, opener, { search, image, attribution, mayDelete, like, removed }) {
  const dialog = byId("item");
  const seen = hit.thumbnail ? element("div", { class: "seen" }, large(hit)) : null;
  const credit = element("figcaption", { class: "muted small" }, attribution);
  const explanation = element("div", { id: "explanation" });
  const actions = element("div", { class: "actions" },
    element("button", { type: "button", onclick: () => { dialog.close(); like(hit); } }, "More like this"),
    seen && element("button", { type: "button", onclick: () => openZoom(hit) }, "Zoom"),
    seen && element("button", { type: "button", onclick: () => savePicture(hit).catch(error => actions.append(errorBox(error))) }, "Download"),
    mayDelete && element("button", { type: "button", class: "danger", onclick: () => confirm() }, "Delete"));
  const confirm = () => confirmRemoval(actions, () => remove(search.collection, hit, actions, dialog, removed));
  dialog.replaceChildren(
    element("div", { class: "top" }, element("h2", { id: "item-title" }, hit.id),
      element("div", { class: "actions" }, walks(opener), element("button", { type: "button", onclick: () => dialog.close() }, "Close"))),
    element("div", { class: seen ? "sides" : "" }, seen && element("figure", {}, seen, credit),
      element("div", { class: "side" }, texts(hit), explanation),
      element("div", { class: "about" }, columns(hit), actions)));
  dialog.onclose = () => {
    dialog.replaceChildren();
    if (opener.isConnected) opener.focus();
    else byId("text").focus();
  };
  dialog.onkeydown = walkByKeys(opener);
  if (!dialog.open) dialog.showModal();
  dialog.focus();
  if (hit.rank) showExplanation(explanation, seen, { collection: search.collection, id: hit.id, parts: comparisons(hit, search, image),
    weights: weights(search, image), told: record => { credit.textContent = record.attribution || attribution; } });
}

/** Return buttons that lead to the cards before and after the opened one. */
function walks(opener) {
  return [[-1, "Previous", "‹"], [1, "Next", "›"]].map(([step, name, sign]) =>
    element("button", { type: "button", "aria-label": name, disabled: !neighbour(opener, step), onclick: () => walk(opener, step, name) }, sign));
}

/** Open the card before or after another one; the focus stays on the button of that name. */
function walk(opener, step, name = "") {
  const next = neighbour(opener, step);
  if (!next) return;
  next.click();
  byId("item").querySelector(`button[aria-label="${name}"]:enabled`)?.focus();
}

/** Return a listener that walks by arrow keys, unless they are needed where the focus is. */
const walkByKeys = opener => event => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step || event.target.matches("input, select, textarea") || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  walk(opener, step, event.target.getAttribute("aria-label") ?? "");
};

/** Describe the weight of each part of a search. */
function weights({ text, like, not, balance }, image) {
  const rest = [image && "the picture", like].filter(Boolean).join(" and ");
  return [text && rest && `Weights in the search: the text ${figure(balance, 2)}, ${rest} ${figure(1 - balance, 2)}.`,
    not.length && "Each excluded text is subtracted with half weight."].filter(Boolean).join(" ");
}

function large(hit) {
  const image = element("img", { alt: hit.texts[0] ?? `Picture of ${hit.id}`, width: 512, height: 512 });
  const fail = () => image.replaceWith(element("p", { class: "state" }, "The picture could not be loaded."));
  image.addEventListener("load", () => {
    image.width = image.naturalWidth;
    image.height = image.naturalHeight;
  });
  image.addEventListener("error", fail);
  showPicture(image, `${hit.thumbnail}?side=512`).catch(fail);
  return image;
}

function texts(hit) {
  if (hit.texts.length < 2) return hit.texts.length ? element("p", {}, hit.texts[0]) : null;
  return element("ul", {}, hit.texts.map(text => element("li", {}, text)));
}

function columns(hit) {
  const told = hit.rank ? { Rank: hit.rank, Similarity: figure(hit.similarity) } : {};
  for (const [space, value] of Object.entries(hit.similarities ?? {})) told[`In ${space}`] = figure(value);
  if (hit.categories?.length) told.category = hit.categories.join(", ");
  for (const [name, value] of Object.entries(hit.columns)) told[name] = Array.isArray(value) ? value.join(", ") : value;
  return element("dl", { class: "pairs" }, Object.entries(told).flatMap(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, String(value))]));
}

function confirmRemoval(actions, agreed) {
  const before = [...actions.childNodes];
  const back = () => {
    actions.replaceChildren(...before);
    before.at(-1).focus();
  };
  const cancel = element("button", { type: "button", onclick: back }, "Cancel");
  actions.replaceChildren(element("p", { role: "alert" }, "Delete this item from the collection?"),
    cancel, element("button", { type: "button", class: "danger", onclick: agreed }, "Delete"));
  cancel.focus();
}

async function remove(collection, hit, actions, dialog, removed) {
  try {
    await ask(within(collection, "items", hit.id), { method: "DELETE" });
  } catch (error) {
    actions.replaceChildren(errorBox(error));
    return;
  }
  dialog.close();
  removed(hit);
}
