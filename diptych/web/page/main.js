// The page: its search form, and the search that the form and the address share.
import { FIELDS, read, write } from "./address.js";
import { listenForAdding } from "./adding.js";
import { ask, post, within } from "./api.js";
import { byId, element } from "./dom.js";
import { offerFacets, showFacets } from "./facets.js";
import { offerColumns } from "./filters.js";
import { alike, fold } from "./folding.js";
import { listenForArrows } from "./grid.js";
import { openItem } from "./item.js";
import { listenForKeys } from "./key.js";
import { listenForMap } from "./map.js";
import { listenForPictures, picture, takePicture } from "./picture.js";
import { creditOf, showError, showHits, showWaiting } from "./results.js";
import { offerSaving, remember } from "./saved.js";
import { followSelection, listenForSelection, select } from "./selection.js";
import { showStart } from "./start.js";
import { listenForTabs, offerTabs, showTab } from "./tabs.js";

const AT_ONCE = 24;
/** The items of a collection of which a map says no more than a list. */
const FEW = 2;
const { deletes } = JSON.parse(byId("page-options").textContent);
const NOTHING = { newest: [], queries: [], facets: [] };
let search = read();
let mayWrite = false;
let described = "";
let collections = [];
let columns = [];
let overview = NOTHING;
let lastShown = null;
let under = new AbortController();

/** Return the search fields with a control in the form: name, control and default. */
function controls() {
  const { elements } = byId("search-form");
  return Object.entries(FIELDS).map(([name, { usual }]) => [name, elements.namedItem(name), usual]).filter(([, control]) => control);
}

/** Read the form into the search. */
function fromForm() {
  search = { ...search, tab: "search", collection: byId("collection").value || search.collection };
  for (const [name, { value }, usual] of controls()) {
    if (Array.isArray(usual)) search[name] = value.split(",").map(term => term.trim()).filter(Boolean);
    else search[name] = typeof usual === "number" ? Number(value) : value.trim();
  }
}

/** Write the search into the form. */
function toForm() {
  for (const [name, control] of controls()) control.value = Array.isArray(search[name]) ? search[name].join(", ") : search[name];
  if (collections.length) chooseCollection();
  byId("like-name").textContent = search.like;
  byId("like-chip").hidden = !search.like;
  if (search.where || search.not.length || search.against) byId("options").open = true;
  showBalance();
}

function chooseCollection() {
  if (search.collection) byId("collection").value = search.collection;
  search.collection = byId("collection").value;
}

function showBalance() {
  byId("balance-field").hidden = !(byId("text").value.trim() && (picture() || search.like));
}

/** Run the search and show its hits; `offset` skips those already shown. */
async function run(offset = 0) {
  under.abort();
  under = new AbortController();
  showBalance();
  showFacets();
  if (!offset) select(false);
  const found = search.text || search.like || picture() ? searched : search.where ? listed : null;
  if (!found) return showStart(collections.find(({ name }) => name === search.collection), overview, { look, ask: searchFor, again });
  showWaiting();
  try {
    const { more, groups = [], ...answer } = await found(offset, under.signal);
    showHits(answer, { goesOn: offset > 0, more, open: (hit, opener) => open(hit, opener, answer.attribution) });
    fold(byId("hits"), groups, offset);
    followSelection();
    if (!offset && !picture()) remember(search, collections.length > 1);
    offerSaving(picture() ? null : search, collections.length > 1);
  } catch (error) {
    if (error.name !== "AbortError") showError(error, () => run());
  }
}

async function searched(offset, signal) {
  const { tab, ...fields } = search;
  const answer = await post("/v1/search", { ...fields, image: picture(), k: AT_ONCE, offset }, { signal });
  const groups = await alike(search.collection, answer.hits, signal);
  return { ...answer, groups, more: answer.hits.length === AT_ONCE && (answer.total === null || offset + AT_ONCE < answer.total) };
}

/** List what meets the filter, where nothing is searched for. */
async function listed(offset, signal) {
  const asked = new URLSearchParams({ where: search.where, limit: AT_ONCE, ...(offset ? { after: lastShown } : {}) });
  const { items, after } = await ask(`${within(search.collection, "items")}?${asked}`, { signal });
  lastShown = after;
  return { hits: items, more: after !== null, listed: true, attribution: creditOf(items) };
}

/** Search for a text that was proposed. */
function searchFor(text) {
  byId("text").value = text;
  submit();
}

/** Search again as an address says. */
function again(address) {
  history.pushState(null, "", address);
  restore();
}

const look = (item, opener) => open(item, opener, creditOf([item]));

function open(hit, opener, attribution) {
  const removed = () => refresh().then(() => search.tab === "search" ? byId("text").focus() : showTab(search.tab));
  const like = ({ id }) => {
    takePicture(null);
    search = { ...search, tab: "search", text: "", like: id };
    write(search);
    toForm();
    showTab("search");
    run();
  };
  openItem(hit, opener, { search, image: picture(), attribution, mayDelete: mayWrite && deletes, removed, like });
}

/** Search with the values in the form: immediately, or once `start` has loaded the collections. */
function submit() {
  fromForm();
  write(search);
  showTab("search");
  if (collections.length) run();
}

async function describe() {
  const name = byId("collection").value;
  if (!name || name === described) return;
  const [detail, found] = await Promise.all([ask(within(name)), ask(within(name, "overview")).catch(() => NOTHING)]);
  described = name;
  overview = found;
  columns = detail.columns.filter(column => column.name !== "attribution");
  offerColumns(detail.columns);
  offerFacets(found.facets, detail.columns, submit);
}

/** Read the collections anew and search again, after a change. */
async function refresh() {
  described = "";
  await offerCollections();
  await describe();
  await run();
}

async function offerCollections() {
  collections = await ask("/v1/collections");
  byId("collection").replaceChildren(...collections.map(({ name, items }) =>
    element("option", { value: name }, `${name} (${items.toLocaleString("en")})`)));
  byId("collection-field").hidden = collections.length < 2;
  chooseCollection();
}

/** Load the collections, then search; values entered meanwhile are kept. */
async function start() {
  try {
    await offerCollections();
    const access = await ask("/v1/access");
    mayWrite = access.scope === "write";
    byId("add").hidden = !(mayWrite && collections.length);
    offerTabs({ mapped: collections.some(({ items }) => items > FEW) });
    await show();
  } catch (error) {
    showError(error, start);
  }
}

/** Show the tab and the results of the search. */
async function show() {
  showTab(search.tab);
  await describe();
  await run();
}

/** Restore the search in the address. */
function restore() {
  search = read();
  toForm();
  return show();
}

function listen() {
  byId("search-form").onsubmit = event => {
    event.preventDefault();
    submit();
  };
  for (const id of ["against", "balance"]) byId(id).onchange = submit;
  byId("text").oninput = showBalance;
  byId("collection").onchange = () => describe().then(submit, error => showError(error, submit));
  byId("more").onclick = () => run(byId("hits").children.length);
  byId("drop-like").onclick = () => {
    search = { ...search, like: "" };
    byId("like-chip").hidden = true;
    byId("text").focus();
    submit();
  };
  listenForArrows(byId("hits"));
  const context = () => ({ collection: search.collection, columns, mayWrite, deletes });
  const changed = () => refresh().catch(error => showError(error, start));
  listenForSelection(context, changed);
  listenForAdding(context, changed);
  listenForMap(look);
  listenForTabs(name => {
    search = { ...search, tab: name };
    write(search);
  });
  addEventListener("popstate", restore);
  listenForPictures(submit, error => {
    showTab("search");
    showError(error);
  });
  listenForKeys(start);
}

toForm();
listen();
start();
