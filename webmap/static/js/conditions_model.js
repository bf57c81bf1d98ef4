/** Conditions in the address's own text, one part each; what may stand in a part is in docs/conditions.md. */

import { say } from "./floating.js";
import { ask } from "./state.js";
import { page, sight, t } from "./words.js";

const { district } = page;
export const AND = "~";
/** So many conditions at a time. */
export const MOST = 12;
export const NOT = "!";
const OF = ":";
const SEATS = ["residents_group", "owners_committee", "property_management", "party_branch"];
const COMMUNITIES = "communities";

/** The conditions of a query, as texts. */
export function partsOf({ where }) {
  return where ? where.split(AND) : [];
}

/** The conditions of a view in words and numbers while they are those that are asked for, else null. */
export function answeredOf({ view, query }) {
  return view?.conditions && view.query.where === query.where ? view.conditions : null;
}

/** What was counted by before conditions made it communities. */
let unitBefore = null;

/** Ask for other conditions. The first one is asked of communities: that is what conditions are mostly about. */
export function setParts(store, parts) {
  const { query } = store.get();
  const where = parts.join(AND);
  if (!where && unitBefore?.question === query.question && query.unit === COMMUNITIES) {
    ask(store, { where, unit: unitBefore.unit });
    return;
  }
  const needed = (!query.where && where) || parts.some((part) => partOf(part).kind === "floating");
  if (!needed || query.unit === COMMUNITIES || !ofCommunities(query.question)) {
    ask(store, { where });
    return;
  }
  unitBefore = query;
  ask(store, { where, unit: COMMUNITIES });
  say(t("conditions_by_communities"), { seen: true });
}

/** The conditions that are of communities alone, where something else is counted by: the server refuses these. */
export function misplacedOf({ query }) {
  if (query.unit === COMMUNITIES) return [];
  return partsOf(query).filter((part) => partOf(part).kind === "floating");
}

/** Count by communities, which all conditions can be asked of. */
export function countCommunities(store) {
  ask(store, { unit: COMMUNITIES });
}

/** The unit that another question is counted by: under conditions the one they are asked of. */
export function unitUnder({ where, unit }, question, otherwise) {
  return where && district.units.some(({ id, questions }) => id === unit && questions.includes(question)) ? unit : otherwise;
}

function ofCommunities(question) {
  return district.units.some(({ id, questions }) => id === COMMUNITIES && questions.includes(question));
}

/** A condition taken apart. @returns {{kind: string, values: string[], negated: boolean}} */
export function partOf(text) {
  const negated = text.startsWith(NOT);
  const [kind, ...values] = (negated ? text.slice(NOT.length) : text).split(OF);
  // A code may have colons of its own.
  return { kind, values: kind === "subdistrict" ? [values.join(OF)] : values, negated };
}

/** A condition put together. */
export function textOf({ kind, values, negated }) {
  return (negated ? NOT : "") + [kind, ...values].join(OF);
}

const choices = (items) => items.map(({ id, title, name }) => [id, title ?? name]);
const facilityKinds = () => choices(district.facility_kinds);
const limits = ([kind]) => {
  const known = district.facility_kinds.find(({ id }) => id === kind);
  const [least, most] = known.limit_range_m;
  return { least, most, value: known.limit_m, unit: "m" };
};
const confidences = () => ["90", "95", "99"].map((level) => [level, `${level}%`]);
const tenths = () => [1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => [`${n}0`, `${n}0%`]);
const counts = (unit) => () => ({ least: 1, most: 10_000_000, value: 1000, unit: t(unit) });

/**
 * The kinds that can be chosen, each with its fields: a list of [value, title], or the bounds of a number. A field may
 * depend on the values before it.
 */
export const KINDS = {
  double_none: [],
  gap: [
    ["service", facilityKinds, () => district.default_kind],
    ["conditions_limit", limits],
  ],
  ...(sight.floating && { floating: [["conditions_tenth", tenths, () => "50"]] }),
  seat: [
    ["conditions_seat", () => SEATS.map((seat) => [seat, t(`seat_${seat}`)]), () => "owners_committee"],
    ["conditions_fact", () => ["no", "yes", "unknown"].map((fact) => [fact, t(`seat_${fact}`)])],
  ],
  kind: [["community_kind", () => choices(district.community_kinds)]],
  residents: [["conditions_least", counts("conditions_people")]],
  complaints: [["conditions_least", counts("conditions_cases")]],
  hot: [["conditions_confidence", confidences, () => "95"]],
  cold: [["conditions_confidence", confidences, () => "95"]],
  subdistrict: [
    [
      "subdistrict",
      () => choices(district.subdistricts.filter(({ id }) => sight.subdistricts?.includes(id) ?? true)),
    ],
  ],
};
