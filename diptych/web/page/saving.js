// Saves files on the user's own machine.
import { fetched } from "./api.js";
import { element } from "./dom.js";

/** How long the browser has to begin with a file. */
const KEPT = 60_000;
/** The largest side of a picture that the service draws. */
const LARGEST = 2048;

/** Return the URL of an item's picture at its largest. */
export const largest = hit => `${hit.thumbnail}?side=${LARGEST}`;

/** Save contents under a name. */
export function save(contents, name) {
  const href = URL.createObjectURL(contents);
  element("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), KEPT);
}

/** Save the picture of an item under its name. */
export async function savePicture(hit) {
  const name = hit.id.split("/").at(-1).replace(/\.[^.]{1,5}$/, "");
  save(await fetched(largest(hit)), `${name || "picture"}.webp`);
}
