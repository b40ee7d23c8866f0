// Prompts for the service's API key once and keeps it until the tab is closed.
import { key, keepKey, onKeyWanted } from "./api.js";
import { byId, capital } from "./dom.js";

let asking = null;

/** Prompt for a key when the service requires one, and offer to change it. */
export function listenForKeys(changed) {
  const show = () => { byId("key").hidden = !key(); };
  onKeyWanted((refusal, used) => {
    if (key() !== used) return key();
    asking ??= typed(refusal.code === "no_key" ? "This service requires a key." : capital(refusal.message)).finally(() => {
      asking = null;
      show();
    });
    return asking;
  });
  byId("key").onclick = async () => { if (await typed("Enter another key.")) changed(); };
  show();
}

function typed(reason) {
  const dialog = byId("key-dialog");
  byId("key-reason").textContent = reason;
  byId("key-value").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  byId("key-value").focus();
  byId("key-value").onkeydown = event => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    byId("key-use").click();
  };
  return new Promise(resolve => {
    dialog.onclose = () => {
      const given = dialog.returnValue === "use" ? byId("key-value").value.trim() : "";
      if (given) keepKey(given);
      resolve(given || null);
    };
  });
}
