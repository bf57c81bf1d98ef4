/** How each unit of a view is drawn: by its class, or with conditions by whether it meets them. */

import { classTokens } from "./colours.js";

/**
 * @typedef {object} UnitState
 * @property {string|undefined} token whose colour fills it
 * @property {boolean} ground whether it recedes: it does not meet the conditions
 * @property {boolean} open whether it cannot be told if it does
 */

/** States that are alike are one object: a change is told by identity. */
const known = new Map();

function state(token, ground = false, open = false) {
  const key = `${token}/${ground}/${open}`;
  if (!known.has(key)) known.set(key, Object.freeze({ token, ground, open }));
  return known.get(key);
}

/** Whether something is known of a class's units, though not which class they are of: unlike the unknown they are outlined. */
export function isOpen(id) {
  return id === "open";
}

/**
 * Unit id to state, of a view. Where two views are compared (`classed`) units that meet the conditions keep the colour
 * of their class: that is what is compared.
 * @returns {Map<string, UnitState>}
 */
export function unitStates(view) {
  const tokens = classTokens(view);
  const { rows, rest, conditions, classed } = view;
  if (!conditions) return new Map(rows.id.map((id, i) => [id, state(tokens[rows.class[i]], false, isOpen(rows.class[i]))]));
  const states = new Map(rest.id.map((id, i) => [id, state(tokens[rest.class[i]], true)]));
  const [match, open] = [state(conditions.token), state("hatch", false, true)];
  rows.id.forEach((id, i) => {
    if (i >= conditions.matches) states.set(id, open);
    else states.set(id, classed ? state(tokens[rows.class[i]]) : match);
  });
  return states;
}
