// The map: the items of a collection in the plane in which their vectors vary most.
import { ask, showPicture, within } from "./api.js";
import { byId, element, emptyBox, errorBox, loadingBox } from "./dom.js";
import { drawPlane } from "./plane.js";

const COLOURS = ["first", "second", "third", "fourth", "fifth", "sixth"];
let open = () => {};
let latest = 0;
let watching = null;

/** Set what opens an item from the map; it is called with the item and the canvas. */
export const listenForMap = opened => { open = opened; };

/** Show the map of the collection that is searched, of the items that meet the filter. */
export async function showMap() {
  const [place, collection, where] = [byId("map"), byId("collection").value, byId("where").value.trim()];
  const mine = ++latest;
  if (!collection) return;
  place.replaceChildren(loadingBox("Placing the items …"));
  try {
    const found = await ask(`${within(collection, "map")}${where ? `?${new URLSearchParams({ where })}` : ""}`);
    if (mine !== latest) return;
    if (found.points.length) draw(place, collection, found, where);
    else place.replaceChildren(emptyBox("No items to place.", where ? "Relax the filter." : "Add items to the collection."));
  } catch (error) {
    if (mine === latest) place.replaceChildren(errorBox(error, showMap));
  }
}

function draw(place, collection, { points, shares, attribution }, where) {
  const kinds = ranked(points);
  const count = points.length.toLocaleString("en");
  const canvas = element("canvas", { tabindex: "0", role: "application",
    "aria-label": `Map of ${count}: arrow keys lead from item to item, Enter opens one, + and - change the size` });
  const told = element("p", { class: "told", role: "status", hidden: true });
  const pictures = new Map();
  const picture = point => {
    if (!pictures.has(point.id)) {
      const image = new Image();
      pictures.set(point.id, image);
      image.addEventListener("load", () => requestAnimationFrame(plane.draw));
      showPicture(image, `${point.thumbnail}?side=128`).catch(() => {});
    }
    return pictures.get(point.id);
  };
  const inks = () => COLOURS.map(name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`));
  let known = inks();
  const muted = () => getComputedStyle(document.documentElement).getPropertyValue("--edge");
  const colour = ({ kind }) => known[kinds.indexOf(kind)] ?? muted();
  const whole = `${Math.round(100 * (shares[0] + shares[1]))} % of the variance`;
  place.replaceChildren(
    element("p", { class: "muted" },
      `${count} ${points.length === 1 ? "item" : "items"}${where ? ` with ${where}` : ""}, in the plane in which their vectors vary most; it holds ${whole}.`),
    element("p", { class: "keys" },
      kinds.map((kind, each) => element("span", {}, element("span", { class: `spot ${COLOURS[each]}` }), kind)),
      points.some(({ kind }) => kind !== null && !kinds.includes(kind)) && element("span", {}, "others grey")),
    element("div", { class: "plane" }, canvas, told, element("div", { class: "tools" },
      element("button", { type: "button", "aria-label": "Farther", onclick: () => plane.shrink() }, "−"),
      element("button", { type: "button", "aria-label": "Closer", onclick: () => plane.enlarge() }, "+"))), element("p", { class: "muted small" }, attribution));
  const plane = drawPlane(canvas, points, { colour, picture,
    pointed: (point, spot) => tell(told, canvas, point, spot),
    opened: async ({ id }) => open(await ask(within(collection, "items", id)), canvas) });
  watching?.disconnect();
  watching = new MutationObserver(() => {
    known = inks();
    plane.draw();
  });
  watching.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}

/** Return the most frequent kinds, as many as there are colours. */
function ranked(points) {
  const counts = new Map();
  for (const { kind } of points) if (kind !== null) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one).slice(0, COLOURS.length).map(([kind]) => kind);
}

/** Say which item is pointed at, beside its place. */
function tell(told, canvas, point, spot) {
  told.hidden = !point;
  if (!point) return;
  told.textContent = point.title;
  const left = Math.min(Math.max(spot[0] + 20, 0), canvas.clientWidth - told.offsetWidth);
  const top = Math.min(Math.max(spot[1] + 30, 0), canvas.clientHeight - told.offsetHeight);
  Object.assign(told.style, { left: `${left}px`, top: `${top}px` });
}
