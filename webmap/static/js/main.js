/** The planner's page: puts the parts together, asks the server, keeps the address. */

import { get } from "./api.js";
import { startCard } from "./card.js";
import { startConditions } from "./conditions.js";
import { byId } from "./dom.js";
import { startEmpty } from "./empty.js";
import { say, startDefinitions } from "./floating.js";
import { startLegend } from "./legend.js";
import { startList } from "./list.js";
import { startKeys } from "./keys.js";
import { startMap } from "./map/shell.js";
import { startNav } from "./nav.js";
import { startPrint } from "./print.js";
import { startQuestions } from "./questions.js";
import { startSearch } from "./search.js";
import { createStore } from "./state.js";
import { startStrip } from "./strip.js";
import { startTools } from "./tools.js";
import { readAddress, writeAddress } from "./url.js";
import { startWhatIf } from "./what_if.js";
import { askView, onlyLimitDiffers } from "./view_request.js";
import { cardRequest } from "./what_if_request.js";
import { count, language, page, sight, t } from "./words.js";

const address = readAddress(location.search);
const store = createStore({
  query: address.query,
  select: address.select,
  place: address.view,
  sliding: false,
  sort: address.sort,
  saved: null,
  scenario: address.scenario,
  shown: "",
  placing: null,
  existing: null,
  adding: "",
  theme: page.theme,
  language,
  view: null,
  whatIf: null,
  failure: null,
  card: null,
  cardFailure: null,
});

const UNITS_OF_LAYERS = {
  communities: "communities",
  neighbourhoods: "neighbourhoods",
  subdistricts: "subdistricts",
  management_cells: "management",
};

/** The view that is being asked for: its query, and what calls it off. */
let viewing = null;
let fetchingCard;

/** Layers of places that have a record and are no units of counting. */
const RECORDED = ["facilities", "mediation_rooms"];

/** Ask for the view of the present query and scenario. */
async function loadView() {
  const state = store.get();
  const { query } = state;
  // While a limit or a place is dragged one question is under way at a time; when it is answered the newest is asked.
  if (viewing && onlyLimitDiffers(viewing.query, query)) return;
  viewing?.controller.abort();
  const mine = { query, controller: new AbortController() };
  viewing = mine;
  byId("progress").hidden = false;
  let came;
  try {
    came = { ...(await askView(state, mine.controller.signal)), failure: null };
  } catch (error) {
    if (error.name === "AbortError") return;
    came = { failure: error };
  }
  if (viewing !== mine) return;
  viewing = null;
  store.set(came);
  if (store.get().query.limit_m !== query.limit_m || !sameSupposition(store.get(), state)) {
    loadView();
    return;
  }
  byId("progress").hidden = true;
  // What a supposition changes is told by what_if.js.
  if (came.view && !came.whatIf && !store.get().sliding) announce(came.view);
}

function sameSupposition(one, other) {
  return one.scenario?.steps === other.scenario?.steps && one.shown === other.shown;
}

/** Keep the address; browsers take only so many changes of it in a while. */
function writeState(state) {
  if (!state.sliding) history.replaceState(null, "", writeAddress(state) || location.pathname);
}

function announce({ headlines, query, rows, question }) {
  const { value_text: value, label, needs } = headlines[query.question];
  if (needs.length) return;
  say(
    `${t("updated", { title: question.title, value, label })} ${t("updated_list", { n: count(rows.id.length) })}`,
  );
}

async function loadCard() {
  const { select } = store.get();
  fetchingCard?.abort();
  if (!select) {
    store.set({ card: null, cardFailure: null });
    return;
  }
  const mine = new AbortController();
  fetchingCard = mine;
  try {
    const card = await get(...cardRequest(store.get()), mine.signal);
    store.set({ card, cardFailure: null });
    say(t("selected", { name: card.name }));
  } catch (error) {
    if (error.name !== "AbortError") store.set({ cardFailure: error });
  }
}

/** Choose a unit: `fly` where the choice came from the list, `focus` where it came by keyboard. */
function choose(id, { fly = false, byKeyboard = false } = {}) {
  const { view, select } = store.get();
  store.set({ select: id });
  const at = view?.rows.id.indexOf(id) ?? -1;
  if (fly && at >= 0) map.flyTo(view.rows.lon[at], view.rows.lat[at], view.query.unit);
  if (byKeyboard) focusCard(select === id);
}

function focusCard(now) {
  const card = byId("card");
  const focus = () => card.querySelector("h2")?.focus();
  if (now && card.querySelector("h2")) focus();
  else focusWhenThere = focus;
}

let focusWhenThere = null;

function close() {
  const { select } = store.get();
  const held = byId("card").contains(document.activeElement);
  store.set({ select: null });
  if (!held) return;
  list.focus(select);
}

/** Go to what a search found: a unit of counting is chosen, anything else is shown on the map. */
function go({ layer, id, lon, lat }) {
  const unit = UNITS_OF_LAYERS[layer];
  const { query } = store.get();
  const answered = page.district.units.find((one) => one.id === unit)?.questions ?? [];
  const question = answered.includes(query.question) ? query.question : answered[0];
  if (question)
    store.set({ select: id, query: { ...query, question, unit, subdistrict: "", community_kind: "" } });
  map.flyTo(lon, lat, unit ?? "square");
  if (sight.signed_in && RECORDED.includes(layer)) openRecord(layer, id);
}

let record = null;

/** Open the record of a feature over the list; what was written there is asked for again here. */
async function openRecord(layer, code, tab = "facts") {
  const { createRecord } = await import("./correct.js");
  record ??= createRecord({
    leaflet: map.leaflet,
    side: byId("list").parentElement,
    changed: () => {
      loadCard();
      loadView();
      map.renew();
    },
  });
  record.open(layer, code, tab);
}

/** Show the subdistrict that the filter names, or the whole district. */
function showPart(code) {
  const part = page.district.subdistricts.find(({ id }) => id === code);
  if (part && (!sight.bbox || !within(sight.bbox, part.bbox))) map.fit(part.bbox);
  else map.whole();
}

/** Whether one box lies in another: a filter does not lead out of one's area. */
function within([west, south, east, north], [left, low, right, high]) {
  return west >= left && south >= low && east <= right && north <= high;
}

startDefinitions(store);
startQuestions(store);
startConditions(store);
startStrip(store);
const list = startList(store, { choose: (id, how) => choose(id, { fly: true, ...how }), retry: loadView });
startCard(store, {
  close,
  retry: loadCard,
  zoomTo: ({ bbox, lon, lat, unit }) => (bbox ? map.fit(bbox) : map.flyTo(lon, lat, unit)),
  record: openRecord,
});
startLegend(store);
startEmpty(store);
if (sight.read) startSearch(go);
const map = startMap(store, { choose, place: sight.signed_in ? openRecord : undefined });
const print = startPrint(store, map.leaflet);
startTools(store, { print, keys: startKeys({ print }) });
startNav(store);

startWhatIf(store, map);

let before = store.get();
store.on(["query", "select", "scenario", "shown"], (state) => {
  const { query, select } = before;
  const supposed = sameSupposition(state, before);
  before = state;
  // What is chosen belongs to its unit of counting.
  if (state.query.unit !== query.unit && select && state.select === select) store.set({ select: null });
  if (state.query !== query || !supposed) loadView();
  if (state.query.subdistrict !== query.subdistrict) showPart(state.query.subdistrict);
  if (state.query === query && state.select === select && supposed) return;
  if (!state.sliding || state.select !== select) loadCard();
});
// What a drag ends with is told once, written into the address once, and asked of the card once.
store.on(["sliding"], ({ sliding, view, whatIf }) => {
  if (sliding) return;
  if (!viewing && view && !whatIf) announce(view);
  loadCard();
  writeState(store.get());
});
store.on(["card"], ({ card }) => {
  if (!card || !focusWhenThere) return;
  focusWhenThere();
  focusWhenThere = null;
});
store.on(["query", "select", "place", "theme", "scenario", "sort"], writeState);
loadView();
if (store.get().select) loadCard();
