// Arrow keys in a grid of cards, which is one stop of the tabulator.

/** Return the cards of a list that are shown. */
export const cardsOf = list => [...list.querySelectorAll(":scope > li:not([hidden]) > :is(.hit, .tile)")];

/** Let arrow keys lead from card to card of a list; `settle` it whenever its cards change. */
export function listenForArrows(list) {
  list.addEventListener("keydown", event => {
    const cards = cardsOf(list);
    const now = cards.indexOf(event.target);
    if (now < 0 || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const next = beside(cards, now, event.key);
    if (next === null) return;
    event.preventDefault();
    cards[next].focus();
  });
  list.addEventListener("focusin", ({ target }) => cardsOf(list).includes(target) && settle(list, target));
}

/** Make one card of a list the stop of the tabulator: `chosen`, or the one that is it already, or the first. */
export function settle(list, chosen = null) {
  const cards = cardsOf(list);
  const stop = chosen ?? cards.find(card => card.tabIndex === 0) ?? cards[0];
  for (const card of list.querySelectorAll(":scope > li > :is(.hit, .tile)")) card.tabIndex = card === stop ? 0 : -1;
}

/** Return the card before (-1) or after (1) another one in its list; null at the ends, and for what is in no list. */
export function neighbour(card, step) {
  const list = card.closest("li")?.parentElement;
  if (!list) return null;
  const cards = cardsOf(list);
  return cards[cards.indexOf(card) + step] ?? null;
}

/** Return the place that a key leads to from another one; null for other keys. */
function beside(cards, now, key) {
  const lower = cards.findIndex(card => card.parentElement.offsetTop > cards[0].parentElement.offsetTop);
  const columns = lower < 0 ? cards.length : lower;
  const last = cards.length - 1;
  const places = { ArrowRight: Math.min(now + 1, last), ArrowLeft: Math.max(now - 1, 0), Home: 0, End: last,
    ArrowUp: now < columns ? now : now - columns,
    ArrowDown: Math.floor(now / columns) === Math.floor(last / columns) ? now : Math.min(now + columns, last) };
  return places[key] ?? null;
}
