/** The page that compares two questions over the same units: asks for both, keeps the address. */

import { ApiError, get } from "./api.js";
import { missing, startBar, startSideMarks, swap } from "./compare_bar.js";
import { drawLegend } from "./compare_legend.js";
import { startMaps } from "./compare_maps.js";
import { startConditions } from "./conditions.js";
import { readCompared, settled, writeCompared } from "./compare_state.js";
import { picked, pickedTitle, startTable } from "./compare_table.js";
import { byId, el } from "./dom.js";
import { say, startDefinitions } from "./floating.js";
import { startKeys } from "./keys.js";
import { startNav } from "./nav.js";
import { startPrint } from "./print.js";
import { startQuestions } from "./questions.js";
import { startSearch } from "./search.js";
import { unitsMarked } from "./map/tools.js";
import { createStore } from "./state.js";
import { startTools } from "./tools.js";
import { viewParams } from "./url.js";
import { count, joined, language, page, sight, t } from "./words.js";

const store = createStore({
  ...readCompared(location.search),
  theme: page.theme,
  language,
  sliding: false,
  saved: null,
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
    const [table, ...answers] = await Promise.all([
      get("/api/compare", viewParams(sides), mine.signal),
      get("/api/view", viewParams(query), mine.signal),
      get("/api/view", viewParams({ ...query, question: right }), mine.signal),
    ]);
    if (loading !== mine) return;
    const views = answers.map(compared);
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
    // What came of an older question is no answer to this one.
    if (error.name === "AbortError" || loading !== mine) return;
    if (!(error instanceof ApiError)) throw error;
    store.set({ failure: error });
  }
  byId("progress").hidden = true;
}

/** A view as it is compared: under conditions units that meet them keep their classes, and the legend counts those. */
function compared(view) {
  const { conditions, rows, legend } = view;
  if (!conditions) return view;
  const met = rows.class.slice(0, conditions.matches);
  const classes = legend.classes.map((one) => ({ ...one, count: met.filter((id) => id === one.id).length }));
  return { ...view, classed: true, legend: { ...legend, classes } };
}

/** What the maps show: all of both views, or the units of the chosen cell alone. */
function shownOf(views, table, cell) {
  const found = picked(table, cell);
  if (!found) return { view: views[0], rightView: views[1] };
  const sides = [found.columns, found.rows].map((groups) => new Set(groups.flatMap(({ classes }) => classes)));
  const counted = ({ rows, conditions }) => rows.id.slice(0, conditions?.matches);
  const [left, right] = views.map((one, i) => new Set(counted(one).filter((_, at) => sides[i].has(one.rows.class[at]))));
  const [view, rightView] = views.map((one) => {
    const rows = only(one.rows, (id) => left.has(id) && right.has(id));
    const { conditions } = one;
    if (!conditions) return { ...one, rows };
    return { ...one, rows, rest: { id: [], class: [], lon: [], lat: [] }, conditions: { ...conditions, matches: rows.id.length } };
  });
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
startConditions(store);
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
const drawLegends = (state) =>
  state.views?.forEach((view, i) =>
    drawLegend(legends[i], view, { places: !unitsMarked(state), others: !picked(state.table, state.cell) }),
  );
store.on(["cell"], drawLegends);
store.on(["views"], (state) => {
  drawLegends(state);
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
