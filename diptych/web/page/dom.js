// Creates and fills elements; text is always set as text, never parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Return an element with attributes and children; `on…` adds a listener, `false` and `null` are skipped. */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** Return an SVG element. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
  return made;
}

/** Return the page element with an id. */
export const byId = id => document.getElementById(id);

/** Format a number for display. */
export const figure = (value, digits = 3) => value === null || value === undefined ? "–" : value.toFixed(digits);

/** Return a box with an error message and, set apart, its hint. */
export function errorBox(error, retry = null) {
  const hint = error.hint ?? "";
  const sentence = hint && error.message.endsWith(hint) ? error.message.slice(0, -hint.length).trim() : error.message;
  return element("div", { class: "state error", role: "alert" },
    element("p", { class: "sentence" }, capital(sentence)),
    hint && element("p", { class: "muted" }, hint),
    retry && element("button", { type: "button", onclick: retry }, "Try again"));
}

/** Return a box for an empty state, with a hint. */
export function emptyBox(sentence, hint = "") {
  return element("div", { class: "state" },
    element("p", { class: "sentence" }, sentence), hint && element("p", { class: "muted" }, hint));
}

/** Return a box for a loading state. */
export const loadingBox = sentence =>
  element("div", { class: "state", "aria-busy": "true" }, element("p", { class: "waiting" }, sentence));

/** Capitalise the first letter of a text. */
export const capital = text => text.charAt(0).toUpperCase() + text.slice(1);
