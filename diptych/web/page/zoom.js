// The picture of an item, as large as the window and larger: by buttons, keys, wheel and click; it is moved by dragging.
import { showPicture } from "./api.js";
import { byId, element } from "./dom.js";
import { largest } from "./saving.js";

const LEVELS = [1, 1.5, 2, 3, 4, 6, 8];
/** Pixels that a pointer may move within a click. */
const STILL = 4;

/** Open the picture of an item. */
export function openZoom(hit) {
  const dialog = byId("zoom");
  const image = element("img", { alt: hit.texts[0] ?? `Picture of ${hit.id}`, draggable: "false" });
  const pane = element("div", { class: "pane", tabindex: "0", role: "region", "aria-label": "Enlarged picture" }, image);
  const level = element("output", { class: "muted" });
  let place = 0;
  const set = (next, at = middle(pane)) => {
    place = Math.min(Math.max(next, 0), LEVELS.length - 1);
    level.textContent = `${Math.round(100 * LEVELS[place])} %`;
    enlarge(pane, image, LEVELS[place], at);
    smaller.disabled = place === 0;
    larger.disabled = place === LEVELS.length - 1;
  };
  const smaller = element("button", { type: "button", "aria-label": "Smaller", onclick: () => set(place - 1) }, "−");
  const larger = element("button", { type: "button", "aria-label": "Larger", onclick: () => set(place + 1) }, "+");
  dialog.replaceChildren(element("div", { class: "top" }, element("h2", { id: "zoom-title" }, hit.id),
    element("div", { class: "actions" }, smaller, level, larger,
      element("button", { type: "button", onclick: () => dialog.close() }, "Close"))), pane);
  image.addEventListener("load", () => set(0));
  image.addEventListener("error", () => pane.replaceChildren(failed()));
  dialog.onkeydown = ({ key }) => {
    const step = { "+": 1, "=": 1, "-": -1 }[key];
    if (step) set(place + step);
    else if (key === "0") set(0);
  };
  pane.addEventListener("wheel", event => {
    event.preventDefault();
    set(place + (event.deltaY < 0 ? 1 : -1), event);
  }, { passive: false });
  listenForDragging(pane, image, event => set(place ? 0 : 2, event));
  const fit = () => set(place);
  addEventListener("resize", fit);
  dialog.onclose = () => {
    removeEventListener("resize", fit);
    dialog.replaceChildren();
  };
  dialog.showModal();
  pane.focus();
  showPicture(image, largest(hit)).catch(() => pane.replaceChildren(failed()));
}

const failed = () => element("p", { class: "state" }, "The picture could not be loaded.");

function middle(pane) {
  const { left, top, width, height } = pane.getBoundingClientRect();
  return { clientX: left + width / 2, clientY: top + height / 2 };
}

/** Draw a picture so many times as large as fits; what is at a point of the window stays there. */
function enlarge(pane, image, scale, { clientX, clientY }) {
  if (!image.naturalWidth) return;
  const before = image.getBoundingClientRect();
  const [x, y] = [(clientX - before.left) / (before.width || 1), (clientY - before.top) / (before.height || 1)];
  const fit = Math.min(pane.offsetWidth / image.naturalWidth, pane.offsetHeight / image.naturalHeight);
  image.style.width = `${Math.floor(fit * scale * image.naturalWidth)}px`;
  image.style.height = `${Math.floor(fit * scale * image.naturalHeight)}px`;
  const after = image.getBoundingClientRect();
  pane.scrollBy(after.left + x * after.width - clientX, after.top + y * after.height - clientY);
}

/** Move a picture with the mouse; fingers scroll by themselves. `clicked` is called where it has not moved. */
function listenForDragging(pane, image, clicked) {
  let from = null;
  image.addEventListener("pointerdown", event => {
    from = { x: event.clientX, y: event.clientY, left: pane.scrollLeft, top: pane.scrollTop, moved: false };
    if (event.pointerType === "mouse") image.setPointerCapture(event.pointerId);
  });
  image.addEventListener("pointermove", ({ clientX, clientY, pointerType }) => {
    if (!from || pointerType !== "mouse") return;
    from.moved ||= Math.hypot(clientX - from.x, clientY - from.y) > STILL;
    if (from.moved) pane.scrollTo(from.left + from.x - clientX, from.top + from.y - clientY);
  });
  image.addEventListener("click", event => {
    if (from && !from.moved) clicked(event);
    from = null;
  });
  image.addEventListener("pointercancel", () => { from = null; });
}
