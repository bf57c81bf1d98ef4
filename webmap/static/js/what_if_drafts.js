/**
 * Scenarios in hand, kept through a reload: in this tab alone, per account, until its people sign out.
 * They hold kinds, codes and positions of open layers, and nothing that a role guards.
 */

import { DRAFTS, forget } from "./sign_out.js";
import { readSteps, supposes, writeSteps } from "./what_if_scenario.js";
import { page } from "./words.js";

const MOST = 20;
const MOST_CHARACTERS = 100_000;

/** The scenarios that were in hand before the page was loaded. @returns {import("./what_if_scenario.js").Scenario[]} */
export function readDrafts() {
  let kept;
  try {
    kept = JSON.parse(sessionStorage.getItem(DRAFTS + page.account) ?? "[]");
  } catch {
    return [];
  }
  return kept.map(({ steps, ...rest }) => ({
    ...rest,
    key: rest.saved?.id ?? Symbol("scenario"),
    steps: readSteps(steps),
  }));
}

/** Keep the scenarios in hand; of too many the first ones are let go. */
export function keepDrafts(drafts) {
  const kept = drafts.filter(supposes).slice(-MOST);
  const text = () => JSON.stringify(kept.map(({ key: _, steps, ...rest }) => ({ ...rest, steps: writeSteps(steps) })));
  while (kept.length && text().length > MOST_CHARACTERS) kept.shift();
  try {
    sessionStorage.setItem(DRAFTS + page.account, text());
  } catch {
    // Without storage they live as long as the page.
  }
}

/** Whoever's session came to its end elsewhere leaves none behind, once somebody else is here. */
export function forgetDrafts() {
  forget((key) => key !== DRAFTS + page.account);
}
