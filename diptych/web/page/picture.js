// The picture to search with: chosen, dropped or pasted; shown small; taken out again.
import { byId } from "./dom.js";

let chosen = null;
let shown = "";

/** Return the file to search with, or null. */
export const picture = () => chosen;

/** Take a picture, or none with null. */
export function takePicture(file) {
  if (shown) URL.revokeObjectURL(shown);
  chosen = file;
  shown = file ? URL.createObjectURL(file) : "";
  byId("preview").hidden = !file;
  byId("choose").hidden = Boolean(file);
  byId("file").value = "";
  if (file) {
    byId("preview-image").src = shown;
    byId("preview-name").textContent = file.name || "Pasted picture";
  } else byId("preview-image").removeAttribute("src");
}

/** Listen for pictures; `changed` is called after each. */
export function listenForPictures(changed) {
  const take = file => {
    if (!file) return;
    takePicture(file);
    changed();
  };
  const form = byId("search-form");
  byId("choose").onclick = () => byId("file").click();
  byId("file").onchange = event => take(event.target.files[0]);
  byId("drop-picture").onclick = () => {
    takePicture(null);
    byId("choose").focus();
    changed();
  };
  document.addEventListener("paste", event => take(pictureOf(event.clipboardData)));
  form.addEventListener("dragover", event => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", event => form.contains(event.relatedTarget) || form.classList.remove("over"));
  form.addEventListener("drop", event => {
    event.preventDefault();
    form.classList.remove("over");
    take(pictureOf(event.dataTransfer));
  });
}

const pictureOf = data => [...data.files].find(file => file.type.startsWith("image/"));
