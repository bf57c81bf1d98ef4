/** Asking for the view of a state: of another limit just what follows from it, the rest is here already. */

import { get } from "./api.js";
import { answered, viewRequest } from "./what_if_request.js";

/** What of the rows a limit changes. Of very many units the rest is most of an answer. */
const BY_LIMIT = "id,class,value,value_text,suppressed";

/** For so long is what came before taken for present: whoever drags on is told of others' writes then. */
const FRESH_MS = 30_000;

/** For which query, and when all of it, the view came that the state holds; none where it is a supposition's. */
const askedFor = new WeakMap();

/** Ask for the view of a state. @returns {Promise<{view: object, whatIf: object|null}>} what of the store it fills */
export async function askView(state, signal) {
  const [path, params] = viewRequest(state);
  const before = state.view && askedFor.get(state.view);
  const fresh = before && performance.now() - before.at < FRESH_MS;
  const lighter = fresh && before.query.limit_m !== state.query.limit_m && onlyLimitDiffers(before.query, state.query);
  let view = null;
  if (path === "/api/view" && lighter) {
    const lean = new URLSearchParams([...params, ["columns", BY_LIMIT]]);
    view = filled(await get(path, lean, signal), state.view);
  }
  const found = view ? { view, whatIf: null } : answered(await get(path, params, signal));
  if (!found.whatIf) askedFor.set(found.view, { query: state.query, at: view ? before.at : performance.now() });
  return found;
}

/** Whether two queries differ by nothing but the limit. */
export function onlyLimitDiffers(one, other) {
  return Object.keys(other).every((key) => key === "limit_m" || one[key] === other[key]);
}

/** A view with the rows' other columns from one of the same units; null where the units are not the same. */
function filled(view, before) {
  const { rows } = view;
  const known = before.rows.id;
  if (rows.id.length !== known.length || view.as_of !== before.as_of) return null;
  const places = new Map(known.map((id, at) => [id, at]));
  const from = rows.id.map((id) => places.get(id));
  if (from.includes(undefined)) return null;
  const others = Object.entries(before.rows)
    .filter(([name]) => !(name in rows))
    .map(([name, values]) => [name, from.map((at) => values[at])]);
  return { ...view, rows: { ...rows, ...Object.fromEntries(others) } };
}
