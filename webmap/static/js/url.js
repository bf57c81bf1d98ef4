/** The address bar is the shareable state: what is not the default is in it. */

import { readSort, writeSort } from "./sorting.js";
import { readScenario, writeScenario } from "./what_if_scenario.js";
import { page, sight } from "./words.js";

export const QUESTIONS = ["gap", "double_none", "hotspots"];
const DEFAULTS = {
  question: "gap",
  kind: page.district.default_kind,
  limit_m: "",
  subdistrict: "",
  community_kind: "",
  where: "",
  from: "",
  to: "",
};

/** What addresses may hold as it is. */
const PLAIN = { "%3A": ":", "%2F": "/", "%7E": "~", "%21": "!" };

/** The unit that a question is counted by where nobody chose one. */
export function defaultUnit(question) {
  return sight.default_units[question];
}

/** Where to sign in, and come back to what is looked at now. */
export function signInAddress() {
  return `/sign-in?${new URLSearchParams({ next: location.pathname + location.search })}`;
}

/** The units that a question may be answered over. */
export function unitsOf(question) {
  return page.district.units.filter(({ questions }) => questions.includes(question));
}

/** Read the state that an address holds; what it does not say is the default. */
export function readAddress(search) {
  const given = new URLSearchParams(search);
  const query = {};
  for (const [key, value] of Object.entries(DEFAULTS)) query[key] = given.get(key) ?? value;
  if (!QUESTIONS.includes(query.question)) query.question = DEFAULTS.question;
  const kind = page.district.facility_kinds.find(({ id }) => id === query.kind);
  if (Number(query.limit_m) === kind?.limit_m) query.limit_m = "";
  query.unit = given.get("unit") || defaultUnit(query.question);
  return {
    query,
    select: given.get("select") || null,
    view: readView(given.get("map")),
    scenario: page.may_plan ? readScenario(given) : null,
    sort: readSort(given.get("sort")),
  };
}

function readView(text) {
  const parts = (text ?? "").split("/").map(Number);
  if (parts.length !== 3 || !parts.every(Number.isFinite)) return null;
  const [zoom, lat, lon] = parts;
  return Math.abs(lat) <= 85 && Math.abs(lon) <= 180 && zoom >= 0 && zoom <= 22 ? { zoom, lat, lon } : null;
}

/** The query parameters of a view, for the API, downloads and the address. */
export function viewParams(query) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value) params.set(key, value);
  return params;
}

/** The address's query for a state, `?` included; empty where all is the default. */
export function writeAddress({ query, select, place, theme, language, scenario, sort }) {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    const unsaid = key === "unit" ? defaultUnit(query.question) : DEFAULTS[key];
    if (value !== unsaid) params.set(key, value);
  }
  if (language !== "zh") params.set("lang", language);
  if (theme !== "auto") params.set("theme", theme);
  if (select) params.set("select", select);
  if (place) params.set("map", `${place.zoom.toFixed(2)}/${place.lat.toFixed(5)}/${place.lon.toFixed(5)}`);
  writeScenario(params, scenario);
  if (sort) params.set("sort", writeSort(sort));
  const text = Object.entries(PLAIN).reduce((all, [coded, sign]) => all.replaceAll(coded, sign), params.toString());
  return text ? `?${text}` : "";
}
