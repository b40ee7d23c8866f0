// Hits as files: CSV for spreadsheets, JSON lines for programs.

/** What spreadsheets take for a formula if a cell begins with it. */
const FORMULA = /^[=+\-@\t\r]/;
const OWN = ["id", "rank", "similarity", "texts"];

/** Return hits as CSV; several texts, or values of a column, are in one cell, a line each. */
export function asCsv(hits) {
  const columns = [...new Set(hits.flatMap(hit => Object.keys(hit.columns)))].filter(name => !OWN.includes(name)).sort();
  const rows = hits.map(hit => [...OWN.map(name => hit[name]), ...columns.map(name => hit.columns[name])]);
  return [[...OWN, ...columns], ...rows].map(row => `${row.map(cell).join(",")}\r\n`).join("");
}

/** Return hits as one JSON object a line. */
export const asLines = hits => hits.map(({ id, rank, similarity, texts, columns }) =>
  `${JSON.stringify({ ...columns, id, rank, similarity, texts })}\n`).join("");

function cell(value) {
  if (value === null || value === undefined) return "";
  const text = Array.isArray(value) ? value.join("\n") : String(value);
  const safe = typeof value !== "number" && FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
