/** The page that compares two questions over the same units: asks for both, keeps the address. */

import { ApiError, get } from "./api.js";
import { missing, startBar, startSideMarks, swap } from "./compare_bar.js";
import { drawLegend } from "./compare_legend.js";
import { startMaps } from "./compare_maps.js";
import { readCompared, settled, writeCompared } from "./compare_state.js";
import { picked, pickedTitle, startTable } from "./compare_table.js";
import { byId, el } from "./dom.js";
import { say, startDefinitions } from "./floating.js";
import { startKeys } from "./keys.js";
import { startNav } from "./nav.js";
import { startPrint } from "./print.js";
import { startQuestions } from "./questions.js";
import { startSearch } from "./search.js";
import { createStore } from "./state.js";
import { startTools } from "./tools.js";
import { viewParams } from "./url.js";
import { count, joined, language, page, sight, t } from "./words.js";

const store = createStore({
  ...readCompared(location.search),
  theme: page.theme,
  language,
  sliding: false,
  // Both views as they were answered, what of them the maps show, and the cross-table.
  views: null,
  view: null,
  rightView: null,
  table: null,
  failure: null,
  needs: null,
});

let loading = null;

async function load() {
  const { query, right } = store.get();
  loading?.abort();
  const mine = new AbortController();
  loading = mine;
  byId("progress").hidden = false;
  const { question, ...shared } = query;
  const sides = { ...shared, left: question, right };
  try {
    const [table, ...views] = await Promise.all([
      get("/api/compare", viewParams(sides), mine.signal),
      get("/api/view", viewParams(query), mine.signal),
      get("/api/view", viewParams({ ...query, question: right }), mine.signal),
    ]);
    if (loading !== mine) return;
    const lacks = missing({ ...store.get(), views });
    store.set({
      table,
      views,
      failure: null,
      needs: lacks && t("compare_needs", { why: joined(lacks) }),
      ...shownOf(views, table, store.get().cell),
    });
    announce();
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof ApiError)) throw error;
    store.set({ failure: error });
  }
  byId("progress").hidden = true;
}

/** What the maps show: all of both views, or the units of the chosen cell alone. */
function shownOf(views, table, cell) {
  const found = picked(table, cell);
  if (!found) return { view: views[0], rightView: views[1] };
  const sides = [found.columns, found.rows].map((groups) => new Set(groups.flatMap(({ classes }) => classes)));
  const [left, right] = views.map(({ rows }, i) => new Set(rows.id.filter((_, at) => sides[i].has(rows.class[at]))));
  const [view, rightView] = views.map((one) => ({
    ...one,
    rows: only(one.rows, (id) => left.has(id) && right.has(id)),
  }));
  return { view, rightView };
}

function only(rows, wanted) {
  const kept = rows.id.map(wanted);
  return Object.fromEntries(Object.entries(rows).map(([name, column]) => [name, column.filter((_, at) => kept[at])]));
}

function announce() {
  const { table, cell, view } = store.get();
  const units = count(view.rows.id.length);
  if (picked(table, cell))
    say(t("compare_picked", { title: pickedTitle(table, cell), units, unit: table.unit.counted }));
  else
    say(
      t("updated", {
        title: table.worst.title,
        value: table.worst.residents_text ?? table.worst.units_text,
        label: table.worst.share_text ? `, ${table.worst.share_text}` : "",
      }),
    );
}

function writeState(state) {
  if (!state.sliding) history.replaceState(null, "", writeCompared(state));
}

/** Choose a unit, or let go of the one that is chosen. */
function choose(id) {
  store.set({ select: id === store.get().select ? null : id });
  const { select, views } = store.get();
  if (select) say(t("selected", { name: views[0].rows.name[views[0].rows.id.indexOf(select)] ?? select }));
}

let placed = Boolean(store.get().place);

startDefinitions(store);
startQuestions(store);
startSideMarks(store);
startBar(store);
const map = startMaps(store, { choose });
startTable(store, { retry: load });
const print = startPrint(store, map.leaflet);
const keys = startKeys({ print, swap: () => swap(store) });
startTools(store, { print, keys }, writeCompared);
startNav(store);
if (sight.read) startSearch(({ lon, lat, layer }) => map.flyTo(lon, lat, layer));

const legends = document.querySelectorAll(".compare-legend");
store.on(["views"], ({ views }) => {
  views.forEach((view, i) => drawLegend(legends[i], view));
  // A map that nobody has placed shows the whole again, now that what stands around it has its size.
  if (!placed) requestAnimationFrame(() => map.whole({ animate: false }));
  placed = true;
});
if (!document.createElement("canvas").getContext("webgl2"))
  byId("compare-bar").querySelector(".compare-told").after(el("p", { class: "compare-slow", text: t("compare_slow") }));

let before = store.get();
store.on(["query", "right", "sliding"], (state) => {
  // The left panel may have chosen the question that stands on the right, or a unit that will not do there.
  const gives = settled(state, before);
  if (gives) {
    store.set(gives);
    return;
  }
  if (state.sliding) return;
  const { query, right } = before;
  before = state;
  if (state.query.question !== query.question || state.right !== right) store.set({ cell: null });
  if (state.query.unit !== query.unit) store.set({ select: null });
  if (state.query !== query || state.right !== right) load();
});
store.on(["cell"], ({ views, table, cell }) => {
  if (!views) return;
  store.set(shownOf(views, table, cell));
  if (cell) announce();
  else say(t("compare_shown_all"));
});
store.on(["query", "right", "how", "at", "cell", "select", "place", "theme", "sliding"], writeState);
writeState(store.get());
load();
