/** What a planner does with scenarios: each change makes a new scenario, so that the one before can come back. */

import { byId } from "./dom.js";
import { say } from "./floating.js";
import { ask } from "./state.js";
import { openComparison } from "./what_if_compare.js";
import { MOST_STEPS, ROOM, ROOMS, rounded } from "./what_if_scenario.js";
import { page, t } from "./words.js";

const MOST_UNDONE = 100;
/** What the mode leaves behind when it ends: nothing. */
const NOTHING = { scenario: null, whatIf: null, placing: null, existing: null, adding: "", sliding: false };

export class Actions {
  /** The scenarios in hand, and the steps that the present one had before. */
  drafts = [];
  undone = [];

  /**
   * @param {object} store
   * @param {{flyTo: Function}} map
   */
  constructor(store, map) {
    this.store = store;
    this.map = map;
  }

  get present() {
    return this.store.get().scenario;
  }

  /** Replace the scenario in hand, here and among the drafts. */
  keep(patch, more = {}) {
    const scenario = { ...this.present, ...patch };
    const at = this.drafts.indexOf(this.present);
    if (at >= 0) this.drafts[at] = scenario;
    else this.drafts.push(scenario);
    this.store.set({ scenario, ...more });
  }

  remember() {
    this.undone = [...this.undone.slice(1 - MOST_UNDONE), this.present.steps];
  }

  fresh() {
    const name = t("what_if_named", { n: this.drafts.length + 1 });
    return { key: Symbol("scenario"), name, steps: [], base: page.district.version, epoch: page.district.epoch, saved: null };
  }

  // Scenarios

  begin() {
    this.saved.reopen(this.present ?? this.drafts[0] ?? this.fresh());
  }

  end() {
    this.store.set(NOTHING);
  }

  create() {
    this.open(this.fresh());
  }

  open(scenario) {
    if (!this.drafts.includes(scenario)) this.drafts.push(scenario);
    this.undone = [];
    this.store.set({ scenario, placing: null });
  }

  forget(scenario) {
    const at = this.drafts.indexOf(scenario);
    if (at >= 0) this.drafts.splice(at, 1);
    this.open(this.drafts[0] ?? this.fresh());
  }

  compare() {
    openComparison(this.store, this.drafts);
  }

  // Steps

  /** Take a step more; the view turns to the question and the kind that it is about. */
  take(step, kind) {
    const { steps } = this.present;
    if (steps.length >= MOST_STEPS) {
      say(t("what_if_many", { n: MOST_STEPS }), { seen: true });
      return;
    }
    this.remember();
    const shown = ROOMS.includes(kind) ? ROOM : kind;
    this.keep({ steps: [...steps, step] }, { placing: null, existing: null, shown });
    this.askAbout(kind);
  }

  add(kind, lon, lat) {
    this.take({ action: "add", kind, lon: rounded(lon), lat: rounded(lat) }, kind);
    requestAnimationFrame(() => this.supposed.focus(this.present.steps.length - 1));
  }

  close({ place, kind }) {
    this.take({ action: "close", ...place }, kind);
  }

  move(n, lon, lat) {
    const steps = [...this.present.steps];
    steps[n] = { ...steps[n], lon: rounded(lon), lat: rounded(lat) };
    this.keep({ steps });
  }

  drop(n) {
    this.remember();
    this.keep({ steps: this.present.steps.filter((_, at) => at !== n) });
  }

  undo() {
    const steps = this.undone.pop();
    if (!steps) return;
    this.keep({ steps }, { placing: null });
    say(t("what_if_undone"));
  }

  // A drag, by hand or key: one change, however many places it passes

  startMoving() {
    if (!this.store.get().sliding) this.remember();
    this.store.set({ sliding: true });
  }

  endMoving() {
    this.store.set({ sliding: false });
  }

  // Choosing

  /** The next click on the map is the place of what is added (a kind) or moved (a place that is there). */
  place(what) {
    this.store.set({ placing: what });
    if (what) byId("map").focus();
  }

  put(lon, lat) {
    const { placing: what } = this.store.get();
    if (!what) return;
    const at = { lon: rounded(lon), lat: rounded(lat) };
    if (what.place) this.take({ action: "move", ...what.place, ...at }, what.kind);
    else this.add(what.kind, lon, lat);
    say(t("what_if_placed"));
  }

  /** Choose what to add, move or close. */
  choose(kind) {
    this.store.set({ adding: ROOMS.includes(kind) ? kind : "" });
    this.askAbout(kind);
  }

  /** Ask the question about services of a kind of facility; of mediation rooms it is not asked. */
  askAbout(kind) {
    const { query } = this.store.get();
    if (ROOMS.includes(kind) || (query.question === "gap" && query.kind === kind)) return;
    ask(this.store, query.kind === kind ? { question: "gap" } : { question: "gap", kind, limit_m: "" });
  }

  /** List the places of a kind that are there, nearest first; null ends that. */
  async list(kind) {
    this.store.set({ existing: kind && { kind, places: await this.existing.near(kind).catch(() => []) } });
  }

  /** Leave of the list the place whose symbol is at a position. */
  async pick(latlng) {
    const { existing } = this.store.get();
    const one = await this.existing.at(latlng, existing.kind).catch(() => null);
    if (one) this.store.set({ existing: { ...existing, places: [one] } });
  }

  show(shown) {
    this.store.set({ shown });
  }

  flyTo(lon, lat) {
    this.map.flyTo(lon, lat, "square");
  }
}
