/**
 * Contact with the server: whether there is any, who one is there, and what follows for the package.
 *
 * A package of somebody else, of another area or of a revoked device is wiped at the first contact.
 */

import { Refused, Unreached, forgetToken, get, inLanguage, prepareToken } from "./api.js";
import { keep, kept } from "./db.js";
import { wipe } from "./package.js";

const LOOK_S = 60;
const AFTER_OFFLINE_S = 15;
const CLOCK_OFF_MS = 5 * 60_000;

/**
 * Start looking for the server.
 * @param {object} store it gets `link`, `session`, `holder`, `live`, `lastContact`, `clockOff` and `wiped`
 * @param {object} outbox
 * @returns {{look: () => Promise<void>}}
 */
export function startContact(store, outbox) {
  let looking = null;
  let timer;

  function look() {
    looking ??= ask()
      .catch((error) => {
        if (error instanceof Unreached) store.set({ link: error.status ? "busy" : "offline" });
        else if (error instanceof Refused && error.status === 401) store.set({ session: "signed_out" });
        else if (error instanceof Refused) store.set({ link: "online", failure: error.message });
        else throw error;
      })
      .finally(() => {
        looking = null;
        clearTimeout(timer);
        timer = setTimeout(look, (store.get().link === "online" ? LOOK_S : AFTER_OFFLINE_S) * 1000);
      });
    return looking;
  }

  async function ask() {
    const { package: mine, holder } = store.get();
    const asked = mine ? { holder: mine.manifest.holder, area: mine.manifest.area.id } : holder ? { holder } : {};
    const status = await get("/api/field/status", asked);
    const now = Date.now();
    const offMs = Math.abs(Date.parse(status.server_time) - now);
    await keep("contact", { at: now, server: Date.parse(status.server_time) });
    store.set({ link: "online", lastContact: now, clockOff: offMs > CLOCK_OFF_MS });
    if (status.wipe) await wiped(status, asked.holder);
    if (status.state === "signed_out" || status.state === "revoked") {
      forgetToken();
      store.set({ session: status.state, live: null });
      return;
    }
    if (status.holder !== store.get().holder) forgetToken();
    await prepareToken();
    await keep("holder", status.holder);
    store.set({ session: "ok", holder: status.holder });
    // What the server holds is fetched when it is another: a tablet's data volume is not for asking twice.
    try {
      if (store.get().live?.tasks.version !== status.version || status.version === null) await load();
    } finally {
      outbox.send();
    }
  }

  async function load() {
    const [field, tasks, classes] = await Promise.all([
      get("/api/field"),
      get("/api/field/tasks"),
      get("/api/view", inLanguage({ question: "double_none", unit: "communities" })),
    ]);
    store.set({ live: { field, tasks, classes }, failure: null });
  }

  /** Wipe the package; of a revoked device its edits that were not sent too: it is trusted no more. */
  async function wiped(status, holder) {
    const had = Boolean(store.get().package);
    await wipe();
    let lost = 0;
    if (status.state === "revoked") {
      const all = store.get().edits.filter((edit) => edit.holder === holder);
      lost = all.filter(({ state }) => state !== "sent" && state !== "left").length;
      await outbox.drop(all.map(({ seq }) => seq));
      await keep("holder", null);
      store.set({ holder: null });
    }
    store.set({ package: null, live: null, chosen: null });
    if (had || lost) store.set({ wiped: { state: status.state, text: status.text, lost } });
  }

  addEventListener("online", look);
  addEventListener("offline", () => store.set({ link: "offline" }));
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
  return { look };
}

/** What was known at the last contact: whose tablet it is, and since when nothing was heard. */
export async function remembered() {
  const [who, contact] = await Promise.all([kept("holder"), kept("contact")]);
  return {
    holder: who ?? null,
    lastContact: contact?.at ?? null,
    lastServer: contact?.server ?? 0,
  };
}
