// The selection of several hits: to tag, to save as a file, to delete.
import { ask, within } from "./api.js";
import { byId, element, errorBox } from "./dom.js";
import { asCsv, asLines } from "./exporting.js";
import { cardsOf } from "./grid.js";
import { hitOf } from "./results.js";
import { save } from "./saving.js";

let on = false;
let last = null;
let current = {};

const chosen = () => cardsOf(byId("hits")).filter(card => card.getAttribute("aria-pressed") === "true");

/** Listen for the selection; `context()` returns the collection, its columns and what is allowed, `changed` follows a change. */
export function listenForSelection(context, changed) {
  byId("select").onclick = () => select(!on);
  // before the card itself hears of the click, which would open the hit
  byId("hits").addEventListener("click", event => {
    const card = event.target.closest(".hit");
    if (!card || !(on || event.shiftKey || event.ctrlKey || event.metaKey)) return;
    event.stopPropagation();
    if (!on) select(true);
    if (event.shiftKey && last?.isConnected) pressUntil(card);
    else press(card, card.getAttribute("aria-pressed") !== "true");
    last = card;
    showCount();
  }, true);
  document.addEventListener("keydown", ({ key }) => {
    if (key === "Escape" && on && !document.querySelector("dialog[open]")) select(false);
  });
  current = { context, changed };
}

/** Begin or end a selection. */
export function select(begins) {
  on = begins;
  last = null;
  byId("select").setAttribute("aria-pressed", String(on));
  followSelection();
  if (!on) return byId("selection").replaceChildren();
  showActions();
}

/** Make the shown hits selectable while a selection goes on. */
export function followSelection() {
  byId("hits").classList.toggle("selecting", on);
  for (const card of byId("hits").querySelectorAll(".hit")) {
    if (!on) card.removeAttribute("aria-pressed");
    else if (!card.hasAttribute("aria-pressed")) press(card, false);
  }
  if (on) showCount();
}

const press = (card, pressed) => card.setAttribute("aria-pressed", String(pressed));

function pressUntil(card) {
  const cards = cardsOf(byId("hits"));
  const [from, to] = [cards.indexOf(last), cards.indexOf(card)].sort((one, other) => one - other);
  cards.slice(from, to + 1).forEach(each => press(each, true));
}

function showCount() {
  const count = byId("selected");
  if (!count) return;
  const { length } = chosen();
  count.textContent = `${length.toLocaleString("en")} selected`;
  byId("selection").querySelectorAll(".needs").forEach(button => { button.disabled = !length; });
}

const button = (name, onclick, more = "needs") => element("button", { type: "button", class: more, onclick }, name);

function showActions() {
  const { mayWrite, deletes } = current.context();
  const all = () => {
    const cards = cardsOf(byId("hits"));
    const pressed = cards.length !== chosen().length;
    cards.forEach(card => press(card, pressed));
    showCount();
  };
  byId("selection").replaceChildren(
    element("output", { id: "selected" }), button("All", all, ""),
    mayWrite ? button("Tag", showTagging) : "",
    button("CSV", () => exported(asCsv, "text/csv", "csv")), button("JSON lines", () => exported(asLines, "application/x-ndjson", "jsonl")),
    mayWrite && deletes ? button("Delete", showDeleting, "needs danger") : "", button("Done", () => {
      select(false);
      byId("select").focus();
    }, ""));
  showCount();
}

const hits = () => chosen().map(hitOf);

function exported(spelled, type, suffix) {
  save(new Blob([spelled(hits())], { type }), `${current.context().collection}.${suffix}`);
}

function showTagging() {
  const { collection, columns } = current.context();
  const items = hits();
  const column = element("input", { type: "text", required: true, list: "tag-columns", autocomplete: "off" });
  const value = element("input", { type: "text", autocomplete: "off", placeholder: "empty to remove" });
  const form = element("form", { class: "fields", onsubmit: event => {
    event.preventDefault();
    const body = new FormData();
    items.forEach(({ id }) => body.append("id", id));
    body.append("value", value.value.trim());
    finish(form, ask(within(collection, "columns", column.value.trim()), { method: "PUT", body }));
  } }, element("label", { class: "field" }, "Tag in column", column),
  element("datalist", { id: "tag-columns" }, columns.map(({ name }) => element("option", { value: name }))),
  element("label", { class: "field" }, "Tag", value),
  element("button", { class: "primary" }, `Tag ${counted(items)}`), button("Cancel", showActions, ""));
  byId("selection").replaceChildren(form);
  column.focus();
}

function showDeleting() {
  const { collection } = current.context();
  const items = hits();
  const cancel = button("Cancel", showActions, "");
  const box = element("div", { class: "actions" }, element("p", { role: "alert" }, `Delete ${counted(items)} from the collection?`),
    cancel, button("Delete", () => finish(box, removed(collection, items)), "danger"));
  byId("selection").replaceChildren(box);
  cancel.focus();
}

async function removed(collection, items) {
  for (const { id } of items) {
    await ask(within(collection, "items", id), { method: "DELETE" }).catch(error => {
      if (error.status !== 404) throw error;
    });
  }
}

/** Wait for a change, then end the selection; a failure is told below what was asked for. */
async function finish(box, work) {
  box.querySelectorAll("button").forEach(each => { each.disabled = true; });
  try {
    await work;
  } catch (error) {
    box.querySelectorAll("button").forEach(each => { each.disabled = false; });
    byId("selection").replaceChildren(box, errorBox(error));
    return;
  }
  select(false);
  await current.changed();
  byId("select").focus();
}

const counted = items => `${items.length.toLocaleString("en")} ${items.length === 1 ? "item" : "items"}`;
