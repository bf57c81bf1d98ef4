/** Scenarios that the server keeps: one's own, and those that others share. */

import { get, send } from "./api.js";
import { say } from "./floating.js";
import { readSteps, writeSteps } from "./what_if_scenario.js";
import { t } from "./words.js";

const NOT_FOUND = 404;
const CONFLICT = 409;

/**
 * @param {object} store
 * @param {object} actions of what_if.js
 */
export function savedActions(store, actions) {
  const tell = (error) => say(error.sentence ?? String(error), { seen: true });
  const kept = (thing) => ({
    id: thing.id,
    version: thing.version,
    shared: thing.shared,
    mine: thing.mine,
    may: thing.may,
    name: thing.name,
    steps: thing.content.steps,
  });
  const scenarioOf = (thing) => {
    const { steps, base, epoch } = thing.content;
    return { name: thing.name, steps: readSteps(steps), base: base ?? null, epoch: epoch ?? null, saved: kept(thing) };
  };

  /** Open a scenario in hand: as the server keeps it now, where nothing of it was changed here. */
  async function reopen(draft) {
    actions.open(draft);
    if (!isSaved(draft)) return;
    try {
      const thing = await get(`/api/saved/${draft.saved.id}`);
      if (thing.version !== draft.saved.version && actions.present === draft) actions.keep(scenarioOf(thing));
    } catch (error) {
      tell(error);
      if (error.status === NOT_FOUND && actions.present === draft) actions.keep({ saved: null });
    }
  }

  return {
    reopen,
    /** What the server keeps; without an account that is nothing, and the address holds the scenario. */
    list: () =>
      get("/api/saved", { kind: "scenario" }).then(
        ({ saved }) => saved,
        () => [],
      ),
    async open(id) {
      const known = actions.drafts.find(({ saved }) => saved?.id === id);
      if (known) {
        await reopen(known);
        return;
      }
      try {
        const thing = await get(`/api/saved/${id}`);
        actions.open({ key: thing.id, ...scenarioOf(thing) });
      } catch (error) {
        tell(error);
      }
    },
    async save({ shared } = {}) {
      const { scenario } = store.get();
      const { saved, name } = scenario;
      const content = { steps: writeSteps(scenario.steps), base: scenario.base, epoch: scenario.epoch ?? null };
      const body = { name, content, shared: shared ?? saved?.shared ?? false };
      const own = saved && (saved.mine || saved.name === name);
      try {
        const thing = own
          ? await send("PUT", `/api/saved/${saved.id}`, { ...body, version: saved.version })
          : await send("POST", "/api/saved", { ...body, kind: "scenario" });
        actions.keep({ saved: kept(thing), name: thing.name });
        say(t("what_if_saved", { name }), { seen: true });
      } catch (error) {
        if (error.status !== CONFLICT || !error.said?.conflicts?.length) {
          tell(error);
          return;
        }
        const [{ who, version }] = error.said.conflicts;
        actions.keep({ saved: { ...saved, version } });
        say(t("what_if_conflict", { name, who }), { seen: true });
      }
    },
    async remove() {
      const { scenario } = store.get();
      const { id, version } = scenario.saved;
      try {
        await send("DELETE", `/api/saved/${id}?version=${version}`);
        say(t("what_if_removed", { name: scenario.name }), { seen: true });
        actions.forget(scenario);
      } catch (error) {
        tell(error);
      }
    },
  };
}

/** Whether the server keeps a scenario just as it is. */
export function isSaved({ saved, name, steps }) {
  return saved !== null && saved.name === name && saved.steps === writeSteps(steps);
}
