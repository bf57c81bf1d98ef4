/** What is compared with what: the address says it, beside what the planner's page has in it too. */

import { QUESTIONS, readAddress, writeAddress } from "./url.js";
import { page, sight } from "./words.js";

const HANDLE = 50;

/** The units that two questions may both be answered over. */
export function sharedUnits(left, right) {
  return page.district.units.filter(({ questions }) => questions.includes(left) && questions.includes(right));
}

/** Whether a unit will do for two questions; only the public is told some over few units. */
function fits(unit, left, right) {
  return sight.aggregates !== "public" || sharedUnits(left, right).some(({ id }) => id === unit);
}

/** The unit that two questions are compared over where nobody chose one: as `layers.crossing.shared_unit` says. */
function usualUnit(left, right) {
  const asked = [left, right].includes("double_none") ? "double_none" : left;
  const unit = sight.default_units[asked];
  return fits(unit, left, right) ? unit : sharedUnits(left, right)[0]?.id;
}

/** What a question is compared with where nobody says: the last of the others that shares a unit with it. */
function otherThan(left) {
  const others = QUESTIONS.filter((one) => one !== left).reverse();
  return others.find((one) => sharedUnits(left, one).length > 0) ?? others[0];
}

/** Read the address of the page. */
export function readCompared(search) {
  const given = new URLSearchParams(search);
  const { query, select, view: place } = readAddress(search);
  const right = QUESTIONS.includes(given.get("right")) ? given.get("right") : otherThan(query.question);
  const unit = given.get("unit") || usualUnit(query.question, right);
  const share = given.get("at") === null ? NaN : Number(given.get("at"));
  return {
    query: { ...query, unit },
    right,
    how: given.get("how") === "swipe" ? "swipe" : "side",
    at: share >= 0 && share <= 100 ? share : HANDLE,
    cell: given.get("cell"),
    select,
    place,
  };
}

/** The address's query for a state; the unit is always in it, as its default hangs on both questions. */
export function writeCompared(state) {
  const params = new URLSearchParams(writeAddress(state));
  params.set("unit", state.query.unit);
  params.set("right", state.right);
  if (state.how !== "side") params.set("how", state.how);
  if (state.at !== HANDLE) params.set("at", state.at);
  if (state.cell) params.set("cell", state.cell);
  return `?${params.toString().replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%7E", "~").replaceAll("%21", "!")}`;
}

/**
 * What has to give way after a change: both sides differ, and share the unit. Null where all is well.
 * @param {object} state as it is now
 * @param {object} before as it was
 */
export function settled(state, before) {
  const { query } = state;
  let left = query.question;
  let right = state.right;
  const rightChanged = right !== before.right;
  if (left === right) {
    if (rightChanged) left = before.right;
    else right = before.query.question;
  }
  if (!sharedUnits(left, right).length) {
    if (rightChanged) left = otherThan(right);
    else right = otherThan(left);
  }
  const unit = fits(query.unit, left, right) ? query.unit : usualUnit(left, right);
  if (left === query.question && right === state.right && unit === query.unit) return null;
  return { query: { ...query, question: left, unit }, right };
}
