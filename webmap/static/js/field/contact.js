/**
 * Contact with the server: whether there is any, who one is there, and what follows for the package.
 *
 * A package of somebody else, of another area or of a revoked device is wiped at the first contact. A device that the
 * server does not know (its accounts came back from a backup) gets nothing, and keeps what it has until it is enrolled
 * again: then what one has recorded before goes on as one's own.
 */

import { Refused, Unreached, forgetToken, get, inLanguage, prepareToken } from "./api.js";
import { forget, keep, kept } from "./db.js";
import { isOpen } from "./outbox.js";
import { wipe } from "./package.js";

const LOOK_S = 60;
const AFTER_OFFLINE_S = 15;
const CLOCK_OFF_MS = 5 * 60_000;
/** Of whom a package is kept, and who must sign in, or have the tablet enrolled, before anything else. */
const NOT_IN = ["signed_out", "unknown", "revoked"];

/**
 * Start looking for the server.
 * @param {object} store it gets `link`, `session`, `holder`, `live`, `lastContact`, `lastServer`, `clockOff` and `wiped`
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
        else if (error instanceof Refused && error.status === 401) store.set({ session: out("signed_out") });
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

  /** Of a revoked tablet, whose holder is forgotten, the server then knows only that nobody is signed in. */
  function out(state) {
    const { session } = store.get();
    return state === "signed_out" && session === "revoked" ? session : state;
  }

  async function ask() {
    const { package: mine, holder } = store.get();
    const asked = mine ? { holder: mine.manifest.holder, area: mine.manifest.area.id } : holder ? { holder } : {};
    const status = await get("/api/field/status", asked);
    const now = Date.now();
    const server = Date.parse(status.server_time);
    const lastServer = Math.max(server, store.get().lastServer);
    await keep("contact", { at: now, server: lastServer });
    store.set({ link: "online", lastContact: now, lastServer, clockOff: Math.abs(server - now) > CLOCK_OFF_MS });
    if (status.wipe) await wiped(status, asked.holder);
    if (NOT_IN.includes(status.state)) {
      forgetToken();
      store.set({ session: out(status.state), live: null });
      return;
    }
    if (status.holder !== store.get().holder) forgetToken();
    await prepareToken();
    await takeOver(status);
    await keep("holder", status.holder);
    store.set({ session: "ok", holder: status.holder });
    // What the server holds is fetched when it is another: a tablet's data volume is not for asking twice.
    try {
      const known = store.get().live?.tasks;
      if (!known || known.version !== status.version || known.epoch !== status.epoch) await load();
    } finally {
      outbox.send();
    }
  }

  /**
   * What the same person recorded on this tablet before it was enrolled anew is theirs still. Who is behind a holder is
   * kept by holder: others may have signed in since, and in another page of this browser somebody else may be now.
   */
  async function takeOver({ holder, person }) {
    const persons = (await kept("persons")) ?? {};
    await outbox.reload();
    const holders = new Set(store.get().edits.filter(isOpen).map(({ holder: whose }) => whose));
    for (const before of holders) {
      if (before === holder || person === null || persons[before] !== person) continue;
      const { asked } = await get("/api/field/status", { holder: before });
      if (asked !== "revoked") await outbox.takeOver(before, holder);
    }
    if (persons[holder] !== person) await keep("persons", { ...persons, [holder]: person });
  }

  async function load() {
    const [field, tasks, classes] = await Promise.all([
      get("/api/field"),
      get("/api/field/tasks"),
      get("/api/view", inLanguage({ question: "double_none", unit: "communities", columns: "id,name,class,lon,lat" })),
    ]);
    store.set({ live: { field, tasks, classes }, failure: null });
  }

  /** Wipe the package; of a revoked device its edits that were not sent too: it is trusted no more. */
  async function wiped(status, holder) {
    const had = Boolean(store.get().package);
    await wipe();
    let lost = 0;
    if (status.state === "revoked") {
      await outbox.reload();
      const all = store.get().edits.filter((edit) => edit.holder === holder);
      lost = all.filter(({ state }) => state !== "sent" && state !== "left").length;
      await outbox.drop(all.map(({ seq }) => seq));
      await keep("holder", null);
      await forget("persons");
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
