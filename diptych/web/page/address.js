// Keeps the search in the address bar, so that it can be shared and the back button works. The picture and the number of
// hits shown are left out.
import { byId } from "./dom.js";

const { k, offset, ...fields } = JSON.parse(byId("search-fields").textContent);

/** Default and bounds of each search field, by name; the service writes them into the page. */
export const FIELDS = fields;

const USUAL = Object.fromEntries(Object.entries(FIELDS).map(([name, { usual }]) => [name, usual]));
const NOTHING = { tab: "search", collection: "", ...USUAL };

/** Return the search in the address. */
export function read() {
  const given = new URLSearchParams(location.search);
  const own = Object.entries(FIELDS).map(([name, field]) => [name, value(given.getAll(name), field)]);
  const text = name => given.get(name) ?? NOTHING[name];
  return { tab: text("tab"), collection: text("collection"), ...Object.fromEntries(own) };
}

/** Parse a field from its texts; return its default if they are missing or invalid. */
function value(texts, { usual, minimum, maximum }) {
  if (Array.isArray(usual)) return texts;
  if (typeof usual !== "number") return texts[0] ?? usual;
  const number = Number(texts[0] ?? usual);
  return number >= (minimum ?? -Infinity) && number <= (maximum ?? Infinity) ? number : usual;
}

/** Write a search into the address; the back button leads to the previous one. */
export function write(search) {
  const spelled = new URLSearchParams();
  for (const [name, usual] of Object.entries(NOTHING)) {
    if (Array.isArray(usual)) search[name].forEach(each => spelled.append(name, each));
    else if (search[name] !== usual) spelled.set(name, search[name]);
  }
  const address = `?${spelled}`;
  if (address !== location.search && !(address === "?" && !location.search)) history.pushState(null, "", address);
}
