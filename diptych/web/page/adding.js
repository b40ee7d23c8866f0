// Adding pictures to the collection: chosen, or dropped on the field that appears while files are dragged.
import { ask, within } from "./api.js";
import { byId, capital, element } from "./dom.js";

/** Listen for pictures to add; `context()` returns the collection and whether it may be written, `added` follows. */
export function listenForAdding(context, added) {
  const zone = byId("add-zone");
  byId("add").onclick = () => byId("add-files").click();
  byId("add-files").onchange = ({ target }) => {
    const files = [...target.files];
    target.value = "";
    propose(files);
  };
  const propose = files => {
    const pictures = files.filter(({ type }) => type.startsWith("image/"));
    openAdding(pictures, files.length - pictures.length, context().collection, added);
  };
  document.addEventListener("dragover", event => {
    if (event.dataTransfer.types.includes("Files") && context().mayWrite) zone.hidden = false;
  });
  document.addEventListener("dragleave", event => { if (!event.relatedTarget) zone.hidden = true; });
  document.addEventListener("drop", () => { zone.hidden = true; });
  zone.addEventListener("drop", event => {
    event.preventDefault();
    event.stopPropagation();
    zone.hidden = true;
    byId("search-form").classList.remove("over");
    propose([...event.dataTransfer.files]);
  });
}

/** Open the dialog that adds pictures under ids and with captions that can be edited. */
function openAdding(pictures, others, collection, added) {
  const dialog = byId("adding");
  const rows = pictures.map(row);
  const which = others === 1 ? "One file is not a picture" : `${others} files are not pictures`;
  const note = element("p", { class: "muted", role: "status" }, others ? `${which} and left out.` : "");
  const add = element("button", { class: "primary", disabled: !rows.length }, "Add");
  const close = element("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  let changes = 0;
  const form = element("form", { onsubmit: async event => {
    event.preventDefault();
    add.disabled = true;
    for (const each of rows.filter(({ done }) => !done)) changes += await put(each, collection);
    const left = rows.filter(({ done }) => !done).length;
    if (!left) return dialog.close();
    note.textContent = `${rows.length - left} added, ${left} not.`;
    close.textContent = "Close";
    add.disabled = false;
  } }, element("h2", { id: "adding-title" }, `Add pictures to ${collection}`),
  element("ul", {}, rows.map(({ item }) => item)), note, element("div", { class: "actions" }, close, add));
  dialog.replaceChildren(form);
  dialog.onclose = () => {
    rows.forEach(({ shown }) => URL.revokeObjectURL(shown));
    dialog.replaceChildren();
    if (changes) added();
  };
  dialog.showModal();
}

function row(file) {
  const shown = URL.createObjectURL(file);
  const id = element("input", { type: "text", required: true, value: file.name });
  const text = element("input", { type: "text", placeholder: "optional" });
  const told = element("p", { class: "muted", role: "status" });
  const item = element("li", {}, element("img", { src: shown, alt: "", width: 96, height: 96 }),
    element("div", { class: "fields" }, element("label", { class: "field wide" }, "Id", id),
      element("label", { class: "field wide" }, "Caption", text), told));
  return { file, shown, id, text, told, item, done: false };
}

/** Put one picture into the collection, unless there is an item with its id; return how many were added. */
async function put(each, collection) {
  const place = within(collection, "items", each.id.value.trim());
  each.told.textContent = "Adding …";
  try {
    if (await ask(place).then(() => true, error => error.status === 404 ? false : Promise.reject(error))) {
      each.told.textContent = "There is an item with this id already. Give it another one.";
      return 0;
    }
    const body = new FormData();
    body.append("image", each.file);
    if (each.text.value.trim()) body.append("text", each.text.value.trim());
    await ask(place, { method: "PUT", body });
  } catch (error) {
    each.told.textContent = capital(error.message);
    return 0;
  }
  each.done = each.id.disabled = each.text.disabled = true;
  each.told.textContent = "Added.";
  return 1;
}
