// Facets: the frequent values of columns, with counts, which put conditions into the filter or take them out.
import { chip, chipRow } from "./chips.js";
import { byId } from "./dom.js";
import { condition, joined } from "./filters.js";

let shown = () => {};

/** Offer the facets of a collection; `changed` is called when a condition was added to the filter or taken out. */
export function offerFacets(facets, columns, changed) {
  const kinds = Object.fromEntries(columns.map(column => [column.name, column]));
  shown = () => byId("facets").replaceChildren(...facets.filter(({ column }) => kinds[column]).map(({ column, values }) =>
    chipRow(column, values.map(({ value, items }) => {
      const test = condition(kinds[column], "=", String(value));
      return chip(String(value), { count: items, pressed: holds(byId("where").value, test), onclick: () => {
        const { value: where } = byId("where");
        byId("where").value = holds(where, test) ? without(where, test) : joined(where, test);
        changed();
      } });
    }))));
  shown();
}

/** Show which facets the filter uses; the focus stays on the button that was used. */
export function showFacets() {
  const buttons = () => [...byId("facets").querySelectorAll("button")];
  const place = buttons().indexOf(document.activeElement);
  shown();
  if (place >= 0) buttons()[place]?.focus();
}

const parts = where => where.split(/ and (?=(?:[^']*'[^']*')*[^']*$)/);

const holds = (where, test) => parts(where.trim()).includes(test);

const without = (where, test) => parts(where.trim()).filter(part => part !== test).join(" and ");
