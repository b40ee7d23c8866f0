// Whole captions and ids of small cards, on hover and on focus; Escape hides them.
import { element } from "./dom.js";

/** Show lines over a button while the pointer is on it or the keyboard has led to it; without lines, nothing. */
export function tellWhole(button, lines) {
  const hide = () => button.querySelector(".whole")?.remove();
  const show = () => {
    if (button.querySelector(".whole")) return;
    const told = lines();
    if (told.length) button.append(element("span", { class: "whole" }, told.map((line, place) =>
      element("span", { class: place === told.length - 1 ? "place" : "" }, line))));
  };
  button.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && show());
  button.addEventListener("focus", () => button.matches(":focus-visible") && show());
  button.addEventListener("pointerleave", () => button.matches(":focus-visible") || hide());
  button.addEventListener("blur", hide);
  button.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
}
