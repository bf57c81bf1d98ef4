/**
 * The outbox: an edit is on the disk before the screen says so, and is sent exactly once.
 *
 * Each edit has a key of its own and a body that never changes once it was tried; the server knows the keys that it
 * has written. So whatever is lost on the way, the same is sent again.
 *
 * @typedef {object} Edit
 * @property {number} [seq] place in the order
 * @property {string} key UUID
 * @property {string} holder whose edit it is
 * @property {number} at moment it was made
 * @property {"waiting"|"sent"|"refused"|"conflict"|"left"} state `left`: in a conflict the other version was chosen
 * @property {number} tries how often it was tried
 * @property {object} body what POST /api/facts takes
 * @property {object} shown what the lists say of it: name, question, old value
 * @property {object} [answer] what the server said last
 * @property {string} [why] why it was refused
 * @property {number} [done] moment of the answer
 */

import { Refused, Unreached, get, inLanguage, post } from "./api.js";
import { addEdit, changeEdit, dropEdits, edits } from "./db.js";

const OPEN = ["waiting", "refused", "conflict"];
const KEPT_MS = 30 * 86_400_000;
const FIRST_WAIT_S = 2;
const MOST_WAIT_S = 300;
const MOST_FOLLOWED = 50;
/** What the server says of a package whose holder is still the one who is signed in. */
const SAME_HOLDER = ["ok", "area_changed", "not_allowed"];

/** A random UUID, on plain http too, where browsers make none. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Whether somebody still has to do something about an edit, or the network has. */
export function isOpen({ state }) {
  return OPEN.includes(state);
}

/** What an edit is about. */
export function subject({ body }) {
  return `${body.layer}/${body.code}/${Object.keys(body.values)[0]}`;
}

/**
 * Start the outbox.
 * @param {object} store the page's; it gets `edits`, `sending` and `session`
 * @returns {{add: Function, send: Function, change: Function, drop: Function, takeOver: Function, reload: Function,
 *   ready: Promise<void>}}
 */
export function startOutbox(store) {
  let sending = null;
  let again = false;
  let timer;
  let waitS = FIRST_WAIT_S;
  /** Keys of edits that were refused once for want of a right, and tried again with another token. */
  const doubted = new Set();

  const reload = async () => {
    store.set({ edits: await edits() });
  };

  const mine = () => store.get().edits.filter(({ holder }) => holder === store.get().holder);

  /** Keep an edit, in the place of an earlier one; it is on the disk when this returns. */
  async function add(edit, replaced = undefined) {
    await addEdit({ key: uuid(), at: Date.now(), state: "waiting", tries: 0, ...edit }, replaced);
    await reload();
    send();
  }

  async function change({ seq }, patch) {
    await changeEdit(seq, (kept) => ({ ...kept, ...patch }));
    await reload();
  }

  async function drop(numbers) {
    await dropEdits(numbers);
    await reload();
  }

  /** Let what one holder has recorded be another's: the same person's, under another name. */
  async function takeOver(before, holder) {
    for (const { seq, holder: whose } of await edits())
      if (whose === before) await changeEdit(seq, (edit) => ({ ...edit, holder }));
    await reload();
  }

  /** Send what waits, in order; asked for while sending, it looks once more. */
  function send() {
    if (sending) {
      again = true;
      return sending;
    }
    clearTimeout(timer);
    sending = alone(sendAll)
      .catch((error) => console.warn(error))
      .finally(() => {
        sending = null;
        store.set({ sending: null });
        if (again) {
          again = false;
          send();
        }
      });
    return sending;
  }

  async function sendAll() {
    await reload();
    if (!store.get().holder || store.get().session !== "ok") return;
    await forgetOld();
    for (;;) {
      const next = nextOf(mine());
      if (!next) break;
      store.set({ sending: next.seq });
      if (!(await sendOne(next))) return;
    }
    waitS = FIRST_WAIT_S;
  }

  /** @returns {Promise<boolean>} whether to go on with the next one */
  async function sendOne({ seq }) {
    // It may have been written and the answer lost: from now on its body stays as it is.
    const tried = await changeEdit(seq, begun);
    if (!tried) {
      await reload();
      return true;
    }
    try {
      const answer = await post("/api/facts", { key: tried.key, ...tried.body });
      // Networks that want a sign-in of their own answer in the server's place.
      if (answer?.key !== tried.key) throw new Unreached();
      await change(tried, { state: "sent", answer: { version: answer.version, epoch: answer.epoch }, done: Date.now(), why: "" });
      store.set({ link: "online" });
      return true;
    } catch (error) {
      if (error instanceof Unreached) later(error);
      else if (!(error instanceof Refused)) throw error;
      else return refused(tried, error);
      return false;
    }
  }

  /** What an edit becomes when it is tried: it says what one has written of the same before, which is no conflict. */
  function begun(edit) {
    if (edit.state !== "waiting") return undefined;
    const tried = { ...edit, tries: edit.tries + 1 };
    if (edit.tries > 0) return tried;
    const before = mine().filter((one) => one.state === "sent" && sameFeature(one, edit));
    return { ...tried, body: { ...edit.body, follows: before.slice(-MOST_FOLLOWED).map(({ key }) => key) } };
  }

  async function refused(edit, { status, body, message }) {
    if (status === 401) {
      store.set({ session: "signed_out" });
      return false;
    }
    if (status === 403 && !doubted.has(edit.key)) {
      // The token may be of an earlier session; nobody's edit is sent in the name of whoever has signed in since.
      const { state } = await get("/api/field/status", { holder: edit.holder });
      if (!SAME_HOLDER.includes(state)) {
        if (state === "signed_out" || state === "unknown") store.set({ session: state });
        return false;
      }
      doubted.add(edit.key);
      return true;
    }
    if (status === 409 && body.error?.conflicts)
      await change(edit, { state: "conflict", answer: conflictOf(body), done: Date.now() });
    else {
      const problems = (body?.error?.problems ?? []).map(({ message: what, remedy }) =>
        [what, remedy].filter(Boolean).join(" "),
      );
      await change(edit, { state: "refused", why: problems.join(" ") || message, done: Date.now() });
    }
    return true;
  }

  function later({ waitS: asked, status }) {
    store.set({ link: status ? "busy" : "offline" });
    clearTimeout(timer);
    timer = setTimeout(send, Math.max(asked, waitS) * 1000);
    waitS = Math.min(MOST_WAIT_S, waitS * 2);
  }

  async function forgetOld() {
    const old = mine().filter((edit) => !isOpen(edit) && edit.done < Date.now() - KEPT_MS);
    if (old.length) await drop(old.map(({ seq }) => seq));
  }

  const ready = reload();
  return { add, send, change, drop, takeOver, reload, ready };
}

function sameFeature({ body: one }, { body: other }) {
  return one.layer === other.layer && one.code === other.code;
}

function conflictOf({ error, theirs, mergeable }) {
  return { conflicts: error.conflicts, theirs, mergeable: mergeable ?? [], restored: error.restored };
}

/** The first that waits, unless an earlier one about the same thing is still to be decided. */
function nextOf(list) {
  const held = new Set();
  for (const edit of list) {
    const about = subject(edit);
    if (edit.state === "waiting" && !held.has(about)) return edit;
    if (isOpen(edit)) held.add(about);
  }
  return null;
}

/** One page at a time sends, where browsers can tell; the server would take each edit once all the same. */
function alone(work) {
  if (!navigator.locks) return work();
  return navigator.locks.request("wangge-field-outbox", { ifAvailable: true }, (lock) => (lock ? work() : null));
}

/** The edits made before of one fact, from the server. */
export function historyOf({ layer, code }) {
  return get(`/api/history/${layer}/${encodeURIComponent(code)}`, inLanguage({ limit: 50 }));
}
