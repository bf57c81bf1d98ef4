/** Scenarios as data, and as they stand in an address. */

/**
 * @typedef {object} Step
 * @property {"add"|"move"|"close"} action
 * @property {string} [kind] of what is added
 * @property {string} [layer] of what is moved or closed
 * @property {string} [code] of what is moved or closed
 * @property {number} [lon] degrees, EPSG:4490
 * @property {number} [lat]
 */

/**
 * @typedef {object} Scenario
 * @property {string|symbol} [key] tells scenarios in hand apart, whatever becomes of them
 * @property {string} name
 * @property {Step[]} steps
 * @property {number|null} base version of the facts that it was made over
 * @property {string|null} epoch of the store that this version is of
 * @property {object|null} saved what the server keeps of it
 */

export const MOST_STEPS = 30;
export const ROOM = "mediation_room";
export const ROOMS = [ROOM, "shared_mediation_room"];

/** A position to a decimetre: that is what is sent, shown and kept. */
export function rounded(degrees) {
  return Number(degrees.toFixed(6));
}

/** @param {Step[]} steps @returns {string} */
export function writeSteps(steps) {
  return steps
    .map(({ action, kind, layer, code, lon, lat }) => {
      const what = action === "add" ? [kind] : [layer, encodeURIComponent(code)];
      return [action, ...what, ...(action === "close" ? [] : [rounded(lon), rounded(lat)])].join(":");
    })
    .join(";");
}

/** Read steps as `writeSteps` writes them; what is not understood is left out. @returns {Step[]} */
export function readSteps(text) {
  return text.split(";").map(readStep).filter(Boolean).slice(0, MOST_STEPS);
}

function readStep(text) {
  const [action, ...parts] = text.split(":");
  const [lon, lat] = parts.slice(-2).map(Number);
  const isPlaced = Number.isFinite(lon) && Number.isFinite(lat);
  if (action === "add" && parts.length === 3 && isPlaced) return { action, kind: parts[0], lon, lat };
  let code;
  try {
    code = decodeURIComponent(parts[1] ?? "");
  } catch {
    return null;
  }
  if (action === "close" && parts.length === 2) return { action, layer: parts[0], code };
  if (action === "move" && parts.length === 4 && isPlaced) return { action, layer: parts[0], code, lon, lat };
  return null;
}

/** Whether a scenario supposes anything. */
export function supposes(scenario) {
  return Boolean(scenario?.steps.length);
}

/** What the last answer says of a step, where it is still of this one: answers come after what they are about. */
export function toldOf({ action, kind, code }, told) {
  const same = told?.action === action && (code ?? null) === told.code && (!kind || kind === told.kind);
  return same ? told : undefined;
}

const EPOCH = /^[0-9a-f]{16}$/;

/** The scenario that an address holds, or null. @param {URLSearchParams} given @returns {Scenario|null} */
export function readScenario(given) {
  const steps = readSteps(given.get("what_if") ?? "");
  if (!steps.length) return null;
  const base = Number(given.get("base") || NaN);
  return {
    name: (given.get("scenario") ?? "").slice(0, 80),
    steps,
    base: Number.isInteger(base) ? base : null,
    epoch: EPOCH.test(given.get("epoch") ?? "") ? given.get("epoch") : null,
    saved: null,
  };
}

/** Put a scenario into an address. @param {URLSearchParams} params @param {Scenario|null} scenario */
export function writeScenario(params, scenario) {
  if (!supposes(scenario)) return;
  params.set("what_if", writeSteps(scenario.steps));
  if (scenario.name) params.set("scenario", scenario.name);
  if (scenario.base !== null) params.set("base", scenario.base);
  if (scenario.epoch) params.set("epoch", scenario.epoch);
}

/** Scenarios as they are compared. @param {Scenario[]} scenarios */
export function writeScenarios(scenarios) {
  const names = new Set();
  return scenarios
    .map(({ name, steps }) => {
      let own = name;
      for (let n = 2; names.has(own); n += 1) own = `${name} (${n})`;
      names.add(own);
      return `${encodeURIComponent(own)}=${writeSteps(steps)}`;
    })
    .join("|");
}
