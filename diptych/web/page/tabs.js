// The tabs: those without content are not shown, unless the address leads to one.
import { ask } from "./api.js";
import { showBenchmarks } from "./benchmarks.js";
import { byId } from "./dom.js";
import { showMap } from "./map.js";
import { showRuns } from "./runs.js";

const TABS = { search: () => {}, map: showMap, benchmarks: showBenchmarks, runs: showRuns };
const CONTENTS = { benchmarks: "/v1/benchmarks", runs: "/v1/runs" };

/** Show a tab; an unknown name is the search. */
export function showTab(name) {
  const chosen = name in TABS ? name : "search";
  for (const each of Object.keys(TABS)) {
    byId(`tab-${each}`).setAttribute("aria-selected", String(each === chosen));
    byId(`tab-${each}`).tabIndex = each === chosen ? 0 : -1;
    byId(`panel-${each}`).hidden = each !== chosen;
  }
  byId(`tab-${chosen}`).hidden = false;
  showTabList();
  TABS[chosen]();
}

/** Listen for the choice of a tab; `chosen` is called with its name before it is shown. */
export function listenForTabs(chosen) {
  const choose = name => {
    chosen(name);
    showTab(name);
    byId(`tab-${name}`).focus();
  };
  for (const name of Object.keys(TABS)) {
    byId(`tab-${name}`).onclick = () => choose(name);
    byId(`tab-${name}`).onkeydown = ({ key }) => {
      const names = Object.keys(TABS).filter(each => !byId(`tab-${each}`).hidden);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (step) choose(names[(names.indexOf(name) + step + names.length) % names.length]);
    };
  }
}

/** Show the tabs that have content, and those whose content cannot be read: they say why. */
export async function offerTabs({ mapped }) {
  if (mapped) byId("tab-map").hidden = false;
  await Promise.all(Object.entries(CONTENTS).map(async ([name, url]) => {
    const there = await ask(url).then(found => found.length > 0, () => true);
    if (there) byId(`tab-${name}`).hidden = false;
    showTabList();
  }));
}

/** Hide the list of tabs as long as it has one. */
function showTabList() {
  const tabs = Object.keys(TABS).map(name => byId(`tab-${name}`));
  byId("tabs").classList.toggle("alone", tabs.filter(tab => !tab.hidden).length < 2);
}
