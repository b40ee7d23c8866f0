// Benchmark tables, best method first.
import { ask, key } from "./api.js";
import { byId, element, emptyBox, errorBox, figure, loadingBox } from "./dom.js";

const COLUMNS = [
  ["image → text", "image_to_text", 3], ["text → image", "text_to_image", 3], ["average", "average", 3],
  ["±", "std", 3], ["seconds", "seconds", 1],
];

const MEASURES = ["image_to_text", "text_to_image", "average"];

/** Show the benchmarks of the service. */
export async function showBenchmarks() {
  const place = byId("benchmarks");
  place.replaceChildren(loadingBox("Loading the benchmarks …"));
  try {
    const found = await ask("/v1/benchmarks");
    place.replaceChildren(...(found.length ? found.map(section) : [
      emptyBox("No benchmarks to show.", "Start the service with --benchmarks DIR.")]));
  } catch (error) {
    place.replaceChildren(errorBox(error, showBenchmarks));
  }
}

function section(benchmark) {
  const title = `benchmark-${benchmark.name}`;
  const count = benchmark.splits.length;
  return element("section", { "aria-labelledby": title },
    element("h2", { id: title }, benchmark.name),
    element("p", { class: "muted" }, `${benchmark.data}, ${count} split${count === 1 ? "" : "s"}. MAP in both directions; ` +
      "seconds to train the chosen model."),
    element("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": title }, table(benchmark.rows)),
    element("p", {}, element("a", { href: benchmark.report, onclick: follow, onauxclick: follow }, "Full report")));

  /** Open the report. Browsers do not send the key with a link, so with a key, request a link that is valid for a minute. */
  async function follow(event) {
    if (!key() || (event.type === "auxclick" && event.button !== 1)) return;
    event.preventDefault();
    const beside = event.type === "auxclick" || event.ctrlKey || event.metaKey || event.shiftKey;
    const line = event.currentTarget.parentElement;
    try {
      const { url } = await ask(benchmark.link);
      if (beside) open(url, "_blank", "noopener");
      else location.assign(url);
    } catch (error) {
      line.append(errorBox(error));
    }
  }
}

/** Return the rows as a table without empty columns; the best value of each metric is highlighted. */
function table(rows) {
  const columns = COLUMNS.filter(([, name]) => rows.some(row => row[name] !== null && row[name] !== undefined));
  const best = name => MEASURES.includes(name) ? Math.max(...rows.map(row => row[name] ?? -Infinity)) : null;
  const head = [element("th", { scope: "col" }, "method"),
    ...columns.map(([name]) => element("th", { scope: "col", class: "number" }, name))];
  return element("table", {}, element("thead", {}, element("tr", {}, head)), element("tbody", {}, rows.map(row =>
    element("tr", {}, element("th", { scope: "row" }, named(row)),
      columns.map(([, name, digits]) =>
        element("td", { class: row[name] === best(name) ? "number best" : "number" }, figure(row[name], digits)))))));
}

const named = ({ method, preset }) => preset && preset !== "default" ? `${method}:${preset}` : method;
