/** Where the view and the cards of a scenario are asked for. */

import { viewParams } from "./url.js";
import { supposes, writeSteps } from "./what_if_scenario.js";

/** Where the view of a state is asked for, and with what. @returns {[string, URLSearchParams]} */
export function viewRequest({ query, scenario, shown }) {
  const params = viewParams(query);
  if (!supposes(scenario)) return ["/api/view", params];
  params.set("steps", writeSteps(scenario.steps));
  if (scenario.base !== null) params.set("base", scenario.base);
  if (scenario.epoch) params.set("epoch", scenario.epoch);
  if (shown) params.set("shown", shown);
  return ["/api/what-if", params];
}

/** What of the store an answer to `viewRequest` fills. */
export function answered(body) {
  return body.view ? { view: body.view, whatIf: body } : { view: body, whatIf: null };
}

/** Where a unit's card is asked for, and with what. @returns {[string, URLSearchParams]} */
export function cardRequest({ query, scenario, select }) {
  const { unit, ...rest } = query;
  const params = viewParams(rest);
  const path = `/units/${unit}/${encodeURIComponent(select)}`;
  if (!supposes(scenario)) return [`/api${path}`, params];
  params.set("steps", writeSteps(scenario.steps));
  return [`/api/what-if${path}`, params];
}
