// Near-identical hits, folded together below the first of them.
import { post, within } from "./api.js";
import { element } from "./dom.js";
import { settle } from "./grid.js";
import { hitOf } from "./results.js";

/** Return the groups of near-identical pictures among hits; none if the service cannot tell. */
export async function alike(collection, hits, signal) {
  const ids = hits.filter(({ thumbnail }) => thumbnail).map(({ id }) => id);
  if (ids.length < 2) return [];
  return post(within(collection, "alike"), { id: ids }, { signal }).then(({ groups }) => groups, error => {
    if (error.name === "AbortError") throw error;
    return [];
  });
}

/** Hide all but the first of each group among the cards of a list from a place on; a button shows them. */
export function fold(list, groups, from) {
  const entries = Object.fromEntries([...list.children].slice(from).map(entry => [hitOf(entry.firstElementChild).id, entry]));
  for (const group of groups) {
    const [first, ...others] = group.map(id => entries[id]).filter(Boolean);
    if (others.length) first.append(switchOf(list, others));
  }
  settle(list);
}

function switchOf(list, others) {
  const toggle = element("button", { type: "button", class: "pick fold" });
  const show = shown => {
    others.forEach(entry => { entry.hidden = !shown; });
    toggle.setAttribute("aria-expanded", String(shown));
    toggle.textContent = `${shown ? "Hide" : "Show"} ${others.length} alike`;
    settle(list);
  };
  toggle.onclick = () => show(others[0].hidden);
  show(false);
  return toggle;
}
