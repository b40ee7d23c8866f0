// Rows of small buttons: one stop of the tabulator a row, arrow keys within it.
import { element } from "./dom.js";

/** Return a named row of buttons; `chips` are its buttons. */
export function chipRow(name, chips) {
  const row = element("div", { class: "row", role: "group", "aria-label": name },
    element("span", { class: "muted", "aria-hidden": "true" }, name), element("span", { class: "buttons" }, chips));
  chips.forEach((chip, place) => { chip.tabIndex = place ? -1 : 0; });
  row.addEventListener("keydown", event => {
    const there = chips.filter(chip => chip.isConnected);
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -there.length, End: there.length }[event.key];
    const now = there.indexOf(event.target);
    if (!step || now < 0) return;
    event.preventDefault();
    there[Math.min(Math.max(now + step, 0), there.length - 1)].focus();
  });
  row.addEventListener("focusin", ({ target }) => chips.forEach(chip => { chip.tabIndex = chip === target ? 0 : -1; }));
  return row;
}

/** Return a button of a row; `count` says how many items it leads to, `pressed` whether it is in use. */
export function chip(label, { count = null, pressed = null, onclick }) {
  return element("button", { type: "button", class: "pick", "aria-pressed": pressed === null ? null : String(pressed), onclick },
    element("span", {}, label), count === null ? null : element("span", { class: "muted" }, ` ${count.toLocaleString("en")}`));
}
