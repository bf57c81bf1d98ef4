/** What if: the mode in which scenarios are made, saved and compared. Nothing of it writes a fact. */

import { byId, el, icon, show } from "./dom.js";
import { say } from "./floating.js";
import { startSupposed } from "./map/supposed.js";
import { Actions } from "./what_if_actions.js";
import { startExisting } from "./what_if_existing.js";
import { drawPanel } from "./what_if_panel.js";
import { forgetDrafts, keepDrafts, readDrafts } from "./what_if_drafts.js";
import { supposes, writeSteps } from "./what_if_scenario.js";
import { savedActions } from "./what_if_saved.js";
import { page, t } from "./words.js";

const SHOWN = ["scenario", "whatIf", "shown", "placing", "existing", "adding", "query", "failure"];

/**
 * Bring what-if to life, for those who may plan.
 * @param {object} store
 * @param {object} map what `startMap` returned
 */
export function startWhatIf(store, map) {
  forgetDrafts();
  if (!page.may_plan) return;
  const panel = el("section", { class: "what-if", id: "what-if", "aria-labelledby": "what-if-title", hidden: true });
  const bar = el("div", { class: "what-if-bar", role: "note", hidden: true });
  document.querySelector(".side").prepend(panel);
  document.querySelector(".middle").prepend(bar);
  const actions = new Actions(store, map);
  actions.drafts = readDrafts();
  actions.saved = savedActions(store, actions);
  actions.existing = startExisting(map.leaflet);
  actions.supposed = startSupposed(map.leaflet, store, actions);
  startPlacing(store, map.leaflet, actions);
  const entry = entryButton(() => {
    actions.begin();
    panel.querySelector("h2").focus();
  });
  let on = false;
  const draw = () => {
    const { scenario } = store.get();
    panel.hidden = bar.hidden = !scenario;
    if (scenario) {
      document.documentElement.dataset.whatIf = supposes(scenario) ? "supposed" : "empty";
      drawBar(bar, store, actions);
      drawPanel(panel, store, actions);
    } else {
      delete document.documentElement.dataset.whatIf;
      if (on) entry.focus();
    }
    on = Boolean(scenario);
  };
  store.on(SHOWN, draw);
  store.on(["whatIf", "sliding"], tellChange(store));
  const { scenario } = store.get();
  if (scenario) actions.open(draftOf(scenario, actions.drafts));
  store.on(["scenario"], () => keepDrafts(actions.drafts));
  draw();
}

/** The draft that an address speaks of where it is still in hand: it knows what the server keeps of it. */
function draftOf(scenario, drafts) {
  const name = scenario.name || t("what_if_named", { n: drafts.length + 1 });
  const same = (draft) => draft.name === name && writeSteps(draft.steps) === writeSteps(scenario.steps);
  return drafts.find(same) ?? { ...scenario, name };
}

/** The way in, on the map. */
function entryButton(click) {
  const button = el(
    "button",
    { type: "button", class: "what-if-start", title: t("what_if_start"), on: { click } },
    icon("what-if"),
    t("what_if"),
  );
  byId("map-box").append(button);
  return button;
}

function drawBar(bar, store, actions) {
  const { scenario, whatIf } = store.get();
  const note = supposes(scenario) ? (whatIf?.note ?? t("loading")) : t("what_if_none");
  show(
    bar,
    el("strong", { text: t("what_if_tag") }),
    el("span", { class: "what-if-bar-name", text: scenario.name }),
    el("span", { class: whatIf?.stale ? "what-if-note stale" : "what-if-note", text: note }),
    el("button", {
      type: "button",
      class: "text-button",
      text: t("what_if_end"),
      on: { click: () => actions.end() },
    }),
  );
}

/** While a place is being chosen the map's next click is it; the keyboard has Enter and Escape. */
function startPlacing(store, map, actions) {
  const box = map.getContainer();
  map.on("click", ({ latlng }) => {
    const { placing, existing } = store.get();
    // Whoever else hears of this click is to find the map still in this state.
    if (placing) queueMicrotask(() => actions.put(latlng.lng, latlng.lat));
    else if (existing) actions.pick(latlng);
  });
  box.addEventListener("keydown", ({ key, target }) => {
    if (target !== box || !store.get().placing) return;
    if (key === "Escape") actions.place(null);
    if (key !== "Enter") return;
    const { lat, lng } = map.getCenter();
    actions.put(lng, lat);
  });
  store.on(["placing"], ({ placing }) => {
    box.classList.toggle("placing", Boolean(placing));
    if (placing) say(t("what_if_place_help"));
  });
}

/** Say what changed once the hand is still. */
function tellChange(store) {
  let said = null;
  return ({ whatIf, sliding }) => {
    if (sliding || !whatIf || whatIf === said) return;
    said = whatIf;
    const result = whatIf.results.find(({ kind }) => kind === whatIf.shown);
    if (!result) return;
    const [{ title, before_text: before, after_text: after, change_text: change }] = result.figures;
    say(t("what_if_updated", { title, before, after, change }));
  };
}
