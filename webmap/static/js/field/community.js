/** Any fact of a community, not only those in the list of tasks: opened in the list, verified in the same way. */

import { el, icon, show } from "../dom.js";
import { cell, swatch } from "../shapes.js";
import { Unreached, get, inLanguage } from "./api.js";
import { w } from "./words.js";

/** Classes that the map paints; the others stay quiet there and here. */
const TOKENS = { double_none: "double-none", unknown: "hatch" };
const LAYER = "communities";
const FACTS = ["property_management", "owners_committee", "residents_group", "party_branch", "party_work", "pilot"];
/** Days that an answer may contradict. */
const ENDS = ["contract_end", "committee_term_end"];

/**
 * A community's row: what class it is of, and its facts when it is opened.
 * @param {object} community
 * @param {object} store it gets `extra`, the tasks that somebody made here
 * @param {(id: string) => void} choose
 */
export function communityRow(community, store, choose) {
  const facts = el("div", { class: "facts" });
  const row = el(
    "li",
    {},
    el(
      "details",
      {
        class: "community",
        on: { toggle: ({ currentTarget: { open } }) => open && !facts.firstChild && tell(facts, community, store, choose) },
      },
      el(
        "summary",
        { class: "row-plain" },
        swatch(TOKENS[community.class] ?? "block"),
        el("span", { class: "row-name", text: community.name }),
        el("span", { class: "row-far", text: w(`class_${community.class}`) }),
        icon("chevron"),
      ),
      facts,
    ),
  );
  return row;
}

async function tell(node, community, store, choose) {
  let known;
  try {
    known = await factsOf(community, store.get());
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
        { type: "button", class: "fact-button", on: { click: () => verify(community, field, known, store, choose) } },
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
async function factsOf({ id }, { live, package: taken }) {
  if (!live) return factsOfPackage(id, taken);
  try {
    return await get(`/api/facts/${LAYER}/${encodeURIComponent(id)}`, inLanguage());
  } catch (error) {
    if (!taken || !(error instanceof Unreached)) throw error;
    return factsOfPackage(id, taken);
  }
}

/** What the package says of a community, as GET /api/facts would; it was true in the package's version. */
function factsOfPackage(id, { manifest, field, communities }) {
  const properties = communities.features.find((one) => String(one.id) === id)?.properties;
  if (!properties) throw new Error(`no facts of ${id}`);
  const facts = FACTS.filter((name) => name in properties).map((name) => ({
    field: name,
    type: "fact",
    value: properties[name],
    date: properties[`${name}_date`],
    may: field.may.verify ? "verify" : null,
  }));
  const ends = ENDS.map((name) => ({ field: name, type: "date", value: properties[name] }));
  return { version: manifest.version, fields: [...facts, ...ends] };
}

function ageOf({ date }) {
  return date ? w("fact_verified", { date }) : w("fact_undated");
}

/** Make a task of a fact, unless it is one already, and open it. */
function verify(community, { field, value, date }, known, store, choose) {
  const id = `${LAYER}/${community.id}/${field}`;
  const { shown, extra } = store.get();
  if (!shown.tasks.some((task) => task.id === id)) {
    const title = w(`field_${field}`);
    const dates = known.fields.filter(({ type }) => type === "date");
    const task = {
      id,
      layer: LAYER,
      code: community.id,
      field,
      version: known.version,
      name: community.name,
      place: "",
      question: w("fact_question", { title }),
      ask: w("fact_ask", { title }),
      why: { text: ageOf({ date }), urgent: false },
      rank: null,
      lon: community.lon,
      lat: community.lat,
      record: { value: value ?? "unknown", text: w(`answer_${value ?? "unknown"}`), date, details: dates },
      edit: null,
    };
    store.set({ extra: { ...extra, [id]: task } });
  }
  choose(id);
}
