/** Any fact of a place, not only those in the list of tasks: opened in the list, verified in the same way. */

import { el, icon, show } from "../dom.js";
import { cell, mark, swatch } from "../shapes.js";
import { Unreached, get, inLanguage } from "./api.js";
import { w } from "./words.js";

/** Classes that the map paints; the others stay quiet there and here. */
const TOKENS = { double_none: "double-none", unknown: "hatch" };
/** What of a package's features is asked, and the days that an answer may contradict. */
const OF_PACKAGE = {
  communities: {
    features: "communities",
    facts: ["property_management", "owners_committee", "residents_group", "party_branch", "party_work", "pilot"],
    ends: ["contract_end", "committee_term_end"],
  },
  mediation_rooms: { features: "rooms", facts: ["shared"], ends: [] },
};

/**
 * A community's row: what class it is of, and its facts when it is opened.
 * @param {object} community
 * @param {object} store it gets `extra`, the tasks that somebody made here
 * @param {(id: string) => void} choose
 */
export function communityRow(community, store, choose) {
  const told = { sign: swatch(TOKENS[community.class] ?? "block"), text: w(`class_${community.class}`) };
  return placeRow({ ...community, layer: "communities" }, told, store, choose);
}

/**
 * A mediation room's row: whether it is for the surroundings too, and that fact when it is opened.
 * @param {object} room
 * @param {object} store it gets `extra`, the tasks that somebody made here
 * @param {(id: string) => void} choose
 */
export function roomRow(room, store, choose) {
  const told = { sign: mark("mediation_rooms"), text: w(`room_shared_${room.shared}`) };
  return placeRow({ ...room, layer: "mediation_rooms" }, told, store, choose);
}

function placeRow(place, { sign, text }, store, choose) {
  const facts = el("div", { class: "facts" });
  return el(
    "li",
    {},
    el(
      "details",
      {
        class: "community",
        on: { toggle: ({ currentTarget: { open } }) => open && !facts.firstChild && tell(facts, place, store, choose) },
      },
      el(
        "summary",
        { class: "row-plain" },
        sign,
        el("span", { class: "row-name", text: place.name }),
        el("span", { class: "row-far", text }),
        icon("chevron"),
      ),
      facts,
    ),
  );
}

async function tell(node, place, store, choose) {
  let known;
  try {
    known = await factsOf(place, store.get());
  } catch {
    show(node, el("p", { class: "quiet", text: w("facts_not_taken") }));
    return;
  }
  const fields = known.fields.filter(({ type, may }) => type === "fact" && may);
  show(
    node,
    fields.map((field) =>
      el(
        "button",
        { type: "button", class: "fact-button", on: { click: () => verify(place, field, known, store, choose) } },
        cell(field.value ?? "unknown"),
        el(
          "span",
          { class: "row-text" },
          el("span", { text: w("fact_is", { title: w(`field_${field.field}`), value: w(`answer_${field.value ?? "unknown"}`) }) }),
          el("span", { class: "row-sub", text: ageOf(field) }),
        ),
        icon("chevron"),
      ),
    ),
  );
}

/** From the server, else from the package. */
async function factsOf(place, { live, package: taken }) {
  if (!live) return factsOfPackage(place, taken);
  try {
    return await get(`/api/facts/${place.layer}/${encodeURIComponent(place.id)}`, inLanguage());
  } catch (error) {
    if (!taken || !(error instanceof Unreached)) throw error;
    return factsOfPackage(place, taken);
  }
}

/** What the package says of a place, as GET /api/facts would; it was true in the package's version. */
function factsOfPackage({ layer, id }, taken) {
  const { manifest, field } = taken;
  const asked = OF_PACKAGE[layer];
  const properties = taken[asked.features]?.features.find((one) => String(one.id) === id)?.properties;
  if (!properties) throw new Error(`no facts of ${id}`);
  const facts = asked.facts.filter((name) => name in properties).map((name) => ({
    field: name,
    type: "fact",
    value: properties[name],
    date: properties[`${name}_date`],
    may: field.may.verify ? "verify" : null,
  }));
  const ends = asked.ends.map((name) => ({ field: name, type: "date", value: properties[name] }));
  return { version: manifest.version, epoch: manifest.epoch, fields: [...facts, ...ends] };
}

function ageOf({ date }) {
  return date ? w("fact_verified", { date }) : w("fact_undated");
}

/** Make a task of a fact, unless it is one already, and open it. */
function verify(place, { field, value, date }, known, store, choose) {
  const id = `${place.layer}/${place.id}/${field}`;
  const { shown, extra } = store.get();
  if (!shown.tasks.some((task) => task.id === id)) {
    const title = w(`field_${field}`);
    const dates = known.fields.filter(({ type }) => type === "date");
    const task = {
      id,
      layer: place.layer,
      code: place.id,
      field,
      version: known.version,
      epoch: known.epoch,
      name: place.name,
      place: "",
      question: w("fact_question", { title }),
      ask: w("fact_ask", { title }),
      why: { text: ageOf({ date }), urgent: false },
      rank: null,
      lon: place.lon,
      lat: place.lat,
      record: { value: value ?? "unknown", text: w(`answer_${value ?? "unknown"}`), date, details: dates },
      edit: null,
    };
    store.set({ extra: { ...extra, [id]: task } });
  }
  choose(id);
}
