/** What if: the mode in which scenarios are made, saved and compared. Nothing of it writes a fact. */

import { byId, el, icon, show } from "./dom.js";
import { say } from "./floating.js";
import { startSupposed } from "./map/supposed.js";
import { ask } from "./state.js";
import { openComparison } from "./what_if_compare.js";
import { startExisting } from "./what_if_existing.js";
import { drawPanel } from "./what_if_panel.js";
import { MOST_STEPS, ROOM, ROOMS, rounded, supposes } from "./what_if_scenario.js";
import { savedActions } from "./what_if_saved.js";
import { page, t } from "./words.js";

const MOST_UNDONE = 100;

/**
 * Bring what-if to life, for those who may plan.
 * @param {object} store
 * @param {object} map what `startMap` returned
 */
export function startWhatIf(store, map) {
  if (!page.may_plan) return;
  const root = document.documentElement;
  const panel = el("section", { class: "what-if", id: "what-if", "aria-labelledby": "what-if-title", hidden: true });
  const bar = el("div", { class: "what-if-bar", role: "note", hidden: true });
  document.querySelector(".side").prepend(panel);
  document.querySelector(".middle").prepend(bar);
  const drafts = [];
  let undone = [];
  const present = () => store.get().scenario;

  /** Replace the scenario in hand, here and among the drafts. */
  const put = (scenario, more = {}) => {
    const at = drafts.indexOf(present());
    if (at >= 0) drafts[at] = scenario;
    else drafts.push(scenario);
    store.set({ scenario, ...more });
  };
  const remember = () => {
    undone = [...undone.slice(1 - MOST_UNDONE), present().steps];
  };
  const fresh = () => ({
    key: Symbol("scenario"),
    name: t("what_if_named", { n: drafts.length + 1 }),
    steps: [],
    base: page.district.version,
    saved: null,
  });

  const actions = {
    drafts,
    begin() {
      if (!present()) store.set({ scenario: drafts[0] ?? fresh() });
      if (!drafts.includes(present())) drafts.push(present());
      panel.querySelector("h2").focus();
    },
    end() {
      store.set({ scenario: null, whatIf: null, placing: null, existing: null, adding: "", sliding: false });
      entry.focus();
    },
    create() {
      const made = fresh();
      drafts.push(made);
      undone = [];
      store.set({ scenario: made, placing: null });
    },
    open(scenario) {
      if (!drafts.includes(scenario)) drafts.push(scenario);
      undone = [];
      store.set({ scenario, placing: null });
    },
    forget(scenario) {
      const at = drafts.indexOf(scenario);
      if (at >= 0) drafts.splice(at, 1);
      actions.open(drafts[0] ?? fresh());
    },
    rename: (name) => put({ ...present(), name }),
    keep: (patch) => put({ ...present(), ...patch }),
    show: (shown) => store.set({ shown }),
    /** Take a step more; the view turns to the question and the kind that it is about. */
    take(step, kind) {
      if (present().steps.length >= MOST_STEPS) {
        say(t("what_if_many", { n: MOST_STEPS }), { seen: true });
        return;
      }
      remember();
      const isRoom = ROOMS.includes(kind);
      put(
        { ...present(), steps: [...present().steps, step] },
        { placing: null, existing: null, shown: isRoom ? ROOM : kind },
      );
      if (!isRoom) actions.askAbout(kind);
    },
    add(kind, lon, lat) {
      actions.take({ action: "add", kind, lon: rounded(lon), lat: rounded(lat) }, kind);
      requestAnimationFrame(() => supposed.focus(present().steps.length - 1));
    },
    move(n, lon, lat) {
      const steps = [...present().steps];
      steps[n] = { ...steps[n], lon: rounded(lon), lat: rounded(lat) };
      put({ ...present(), steps });
    },
    close: (one) => actions.take({ action: "close", ...one.place }, one.kind),
    drop(n) {
      remember();
      put({ ...present(), steps: present().steps.filter((_, at) => at !== n) });
    },
    undo() {
      const steps = undone.pop();
      if (!steps) return;
      put({ ...present(), steps }, { placing: null });
      say(t("what_if_undone"));
    },
    canUndo: () => undone.length > 0,
    /** The next click on the map is the place of what is added (a kind) or moved (a step without a place). */
    place(what) {
      store.set({ placing: what });
      if (what) byId("map").focus();
    },
    put(lon, lat) {
      const what = store.get().placing;
      if (!what) return;
      if (what.code) actions.take({ action: "move", ...what.place, lon: rounded(lon), lat: rounded(lat) }, what.kind);
      else actions.add(what.kind, lon, lat);
      say(t("what_if_placed"));
    },
    /** List the places of a kind that are there, nearest first; null ends that. */
    async list(kind) {
      store.set({ existing: kind && { kind, places: await actions.existing.near(kind).catch(() => []) } });
    },
    async pick(latlng) {
      const { existing } = store.get();
      const one = await actions.existing.at(latlng, existing.kind).catch(() => null);
      if (one) store.set({ existing: { ...existing, places: [one] } });
    },
    flyTo: (lon, lat) => map.flyTo(lon, lat, "square"),
    /** Choose what to add, move or close: a kind of facility is asked about, too. */
    choose(kind) {
      const isRoom = ROOMS.includes(kind);
      store.set({ adding: isRoom ? kind : "" });
      if (!isRoom) actions.askAbout(kind);
    },
    askAbout(kind) {
      const { query } = store.get();
      if (query.question === "gap" && query.kind === kind) return;
      ask(store, query.kind === kind ? { question: "gap" } : { question: "gap", kind, limit_m: "" });
    },
    compare: () => openComparison(store, drafts),
    saved: null,
    existing: null,
  };
  actions.saved = savedActions(store, actions);
  const supposed = startSupposed(map.leaflet, store, {
    move: actions.move,
    start() {
      if (!store.get().sliding) remember();
      store.set({ sliding: true });
    },
    end: () => store.set({ sliding: false }),
  });
  actions.existing = startExisting(store, map.leaflet, actions);
  startPlacing(store, map.leaflet, actions);

  const entry = entryButton(actions);
  const draw = () => {
    const { scenario, whatIf } = store.get();
    panel.hidden = !scenario;
    bar.hidden = !scenario;
    if (!scenario) {
      delete root.dataset.whatIf;
      return;
    }
    root.dataset.whatIf = supposes(scenario) ? "supposed" : "empty";
    drawBar(bar, { scenario, whatIf }, actions);
    drawPanel(panel, store, actions);
  };
  store.on(["scenario", "whatIf", "shown", "placing", "existing", "adding", "query", "failure"], draw);
  store.on(["whatIf", "sliding"], tellChange(store));
  if (present()) {
    drafts.push({ ...present(), name: present().name || t("what_if_named", { n: 1 }) });
    store.set({ scenario: drafts[0] });
  }
  draw();
}

/** The way in, on the map. */
function entryButton(actions) {
  const button = el(
    "button",
    { type: "button", class: "what-if-start", title: t("what_if_start"), on: { click: () => actions.begin() } },
    icon("what-if"),
    t("what_if"),
  );
  byId("map-box").append(button);
  return button;
}

function drawBar(bar, { scenario, whatIf }, actions) {
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
