/** The leaders' wall: figures that are asked for every few seconds, scenes in turn, one map. */

import { byId } from "../dom.js";
import { page, t } from "../words.js";
import { startClock } from "./clock.js";
import { ask, startFeed } from "./feed.js";
import { explainLinkage, explainQuestion, showFigures } from "./figures.js";
import { showLegend } from "./legend.js";
import { startMap } from "./map.js";
import { startScenes } from "./scenes.js";

const RELOAD_MS = 60_000;
/** Of each unit what the map draws: of very many the rest would be most of the answer. */
const PAINTED = "id,class,lon,lat";
/** Cells are not named on the map. */
const NAMED = "id,name,class,lon,lat";
/** More facilities than this would cover the cells, of a whole city seen at once. */
const MOST_MARKS = 1_000;

const began = performance.now();
/** What each question's map shows: the view, its tag, and the figures beside which it was asked for. */
const views = new Map();
const asking = new Set();
let figures = null;
let step = 0;
let away = false;
let drawnUnit = "";

const map = startMap();
const scenes = startScenes(page, { scene: showScene, step: showStep });
const clock = startClock((state) => {
  away = state === "waiting" || state === "stale";
  scenes.hold(away);
  if (!away) showScene(scenes.scene);
});

scenes.start();
startFeed({
  figures(found) {
    // A screen that was emptied begins anew.
    if (!byId("closed").hidden) {
      location.reload();
      return;
    }
    figures = found;
    showFigures(found);
    showScene(scenes.scene);
    showStep(step);
  },
  fresh(seen) {
    // A service that has been renewed has another page; should it say so each time, it is not asked each time.
    if (seen.page && seen.page !== page.page && performance.now() - began > RELOAD_MS) location.reload();
    clock.fresh(seen);
    map.mend();
    if (figures) refresh(scenes.scene);
  },
  failed: () => clock.failed(),
  closed() {
    clock.failed();
    shut();
  },
});

/** Nothing stays on a screen that may not show it any more. */
function shut() {
  figures = null;
  views.clear();
  byId("closed").hidden = false;
  byId("wall").classList.add("shut");
  for (const id of ["pair", "linkages", "legend", "definition", "linkage-definition"]) byId(id).replaceChildren();
  for (const node of byId("questions").children) node.replaceChildren();
  map.close();
}

function showScene(id) {
  if (!figures || id === "linkages") return;
  explainQuestion(id);
  const asked = figures.questions.find((one) => one.id === id);
  if (asked.needs.length) {
    byId("legend").hidden = true;
    map.paint(null, null, t("wall_map_empty"));
    return;
  }
  const known = views.get(id);
  if (known) drawView(id, known.view);
  refresh(id);
}

function showStep(n) {
  step = n;
  if (!figures) return;
  const wide = matchMedia("(min-aspect-ratio: 4/1)").matches;
  if (wide || scenes.scene === "linkages") explainLinkage(n, byId(wide ? "linkage-definition" : "definition"));
}

function drawView(id, view) {
  if (scenes.scene !== id) return;
  const { unit } = view.query;
  // Other units are other tiles, and these do not come now.
  if (away && unit !== drawnUnit) {
    byId("legend").hidden = true;
    map.paint(null, null, t("wall_map_waits"));
    return;
  }
  drawnUnit = unit;
  const facilities = id === "gap" && figures.facilities.count <= MOST_MARKS ? figures.facilities : null;
  map.paint(view, facilities);
  showLegend(view, facilities);
}

/**
 * Ask for what a scene's map shows, where it may have changed: once for all figures that come. By their version it
 * could not be told: an answer may be of a later one than those it was asked for, and a backup brings versions again.
 */
async function refresh(id) {
  const beside = figures;
  const asked = beside?.questions.find((one) => one.id === id);
  const known = views.get(id);
  if (!asked || asked.needs.length || asking.has(id) || known?.beside === beside) return;
  asking.add(id);
  try {
    const { question, unit, kind } = asked.view;
    const columns = unit.includes(":") ? PAINTED : NAMED;
    take(id, await ask("/api/view", { question, unit, columns, ...(kind && { kind }) }, known?.tag), beside);
  } catch (error) {
    // The feed says that the server is away, and asks again when it is back.
    console.warn(error);
  } finally {
    asking.delete(id);
  }
  if (figures !== beside) refresh(id);
}

function take(id, { status, body: view, tag }, beside) {
  if (!figures) return;
  if (status === 304) views.get(id).beside = beside;
  if (!view) return;
  views.set(id, { view, tag, beside });
  drawView(id, view);
}
