// The query picture: choose, drop, paste, preview or remove it.
import { byId } from "./dom.js";

let chosen = null;
let shown = "";

/** Return the query picture's file, or null. */
export const picture = () => chosen;

/** Set the query picture; null removes it. */
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

/** Listen for pictures; `changed` is called after each, `refused` with an error if a file is not a picture. */
export function listenForPictures(changed, refused) {
  const take = file => {
    takePicture(file);
    changed();
  };
  const form = byId("search-form");
  byId("choose").onclick = () => byId("file").click();
  byId("file").onchange = event => {
    if (!event.target.files[0]) return;
    take(event.target.files[0]);
    byId("text").focus();
  };
  byId("drop-picture").onclick = () => {
    takePicture(null);
    byId("choose").focus();
    changed();
  };
  document.addEventListener("paste", event => {
    const file = pictureOf(event.clipboardData);
    if (file && !document.querySelector("dialog[open]")) take(file);
  });
  // handle drops anywhere, or the browser would leave the page to open a picture dropped outside the form
  document.addEventListener("dragover", event => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.add("over");
  });
  document.addEventListener("dragleave", event => event.relatedTarget || form.classList.remove("over"));
  document.addEventListener("drop", event => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    form.classList.remove("over");
    const file = pictureOf(event.dataTransfer);
    if (file) take(file);
    else refused({ message: "The dropped file is not a picture. Drop a PNG, JPEG, WebP or GIF.", hint: "Drop a PNG, JPEG, WebP or GIF." });
  });
}

const pictureOf = data => [...data.files].find(file => file.type.startsWith("image/"));
