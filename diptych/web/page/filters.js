// Builds a filter condition from a column, a test and a value.
import { byId, element } from "./dom.js";

const TESTS = {
  text: { "=": "is", "!=": "is not", "is null": "is missing" },
  texts: { "=": "has", "!=": "has not", "is null": "is missing" },
  number: { "=": "=", ">=": "at least", "<=": "at most", "is null": "is missing" },
  truth: { "=": "is", "is null": "is missing" },
};
const KEY_WORDS = ["and", "or", "not", "in", "is", "null", "between", "true", "false"];

/** Return a condition in the service's filter syntax: `category = 'dog''s'`. */
export function condition({ name, kind }, test, value) {
  const plain = /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) && !KEY_WORDS.includes(name.toLowerCase());
  const column = plain ? name : `"${name.replaceAll('"', '""')}"`;
  if (test === "is null") return `${column} is null`;
  return `${column} ${test} ${kind === "number" || kind === "truth" ? value : `'${value.replaceAll("'", "''")}'`}`;
}

/** Return a filter with one more condition. */
export function joined(where, more) {
  if (!where.trim()) return more;
  return `${/\bor\b/i.test(where) ? `(${where.trim()})` : where.trim()} and ${more}`;
}

/** Offer the columns of a collection as filters, except the credit of its pictures. */
export function offerColumns(all) {
  const columns = all.filter(({ name }) => name !== "attribution");
  const [column, test, value, add] = ["column", "test", "value", "add-filter"].map(byId);
  byId("builder").hidden = !columns.length;
  column.replaceChildren(...columns.map(each => element("option", { value: each.name }, each.name)));
  const chosen = () => columns.find(each => each.name === column.value);
  const offerValue = () => { value.hidden = byId("value-label").hidden = test.value === "is null"; };
  const offerTests = () => {
    if (!chosen()) return;
    test.replaceChildren(...Object.entries(TESTS[chosen().kind]).map(([sign, word]) =>
      element("option", { value: sign }, word)));
    const examples = chosen().kind === "truth" ? [true, false] : chosen().examples;
    byId("examples").replaceChildren(...examples.map(each => element("option", { value: String(each) })));
    value.inputMode = chosen().kind === "number" ? "decimal" : "text";
    value.value = "";
    offerValue();
  };
  column.onchange = offerTests;
  test.onchange = offerValue;
  add.onclick = () => {
    if (test.value !== "is null" && !value.value.trim()) return value.focus();
    byId("where").value = joined(byId("where").value, condition(chosen(), test.value, value.value.trim()));
    value.value = "";
    byId("search-form").requestSubmit();
  };
  offerTests();
}
