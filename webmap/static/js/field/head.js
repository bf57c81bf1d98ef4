/** The head, what is said across the page, and the tabs. */

import { byId, el, icon, show } from "../dom.js";
import { tell } from "../live.js";
import { openTasks } from "./data.js";
import { isOpen } from "./outbox.js";
import { SIGN_IN, told, when, w } from "./words.js";

const TOAST_MS = 3500;
const LINKS = {
  online: { words: "connected", mark: "online" },
  offline: { words: "offline_short", mark: "offline" },
  busy: { words: "busy_short", mark: "offline" },
};

/**
 * Start head, banner, toast and tabs.
 * @param {object} store
 * @param {{look: () => void, go: (view: string) => void}} actions
 */
export function startHead(store, { look, go }) {
  const where = byId("where");
  const title = byId("view-title");
  store.on(["view", "shown", "conflict"], () => {
    const { view, shown, edits, conflict } = store.get();
    const edit = view === "conflict" && edits.find(({ seq }) => seq === conflict);
    const conflicting = edit && edit.answer?.restored ? "restored_head" : "conflict_head";
    title.textContent = w(view === "conflict" ? conflicting : `tab_${view}`);
    where.textContent = edit
      ? [w(`field_${Object.keys(edit.body.values)[0]}`), told(edit.shown.name)].join(w("comma"))
      : shown
        ? told(shown.field.area.title)
        : "";
    document.title = `${title.textContent} · ${w("app_name")}`;
  });
  store.on(["link", "session"], () => drawLink(store, look));
  store.on(["link", "session", "lastContact", "wiped", "clockOff", "shown"], () => drawBanner(store, look));
  store.on(["view", "shown", "edits", "holder"], () => drawTabs(store));
  for (const tab of document.querySelectorAll(".tab")) tab.addEventListener("click", () => go(tab.dataset.view));
  let timer;
  store.on(["toast"], ({ toast }) => {
    if (!toast) return;
    tell(toast);
    byId("toast").textContent = toast;
    byId("toast").hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => {
      byId("toast").hidden = true;
      store.set({ toast: "" });
    }, TOAST_MS);
  });
  drawLink(store, look);
  drawTabs(store);
}

/** What is said of somebody who is out: in short, as a title, and what to do. */
export const OUT = {
  signed_out: { short: "signed_out_short", title: "signed_out", more: "signed_out_more" },
  unknown: { short: "unknown_device_short", title: "unknown_device", more: "unknown_device_keeps" },
  revoked: { short: "revoked_short", title: "revoked", more: "revoked_more" },
};

/** Whether one must sign in, or have the tablet enrolled, before the server says anything. */
export function isOut(session) {
  return session in OUT;
}

function drawLink(store, look) {
  const { link, session } = store.get();
  const button = byId("link");
  const out = isOut(session);
  const { words, mark } = out && link === "online" ? { words: OUT[session].short, mark: "offline" } : (LINKS[link] ?? { words: "connecting", mark: "wait" });
  show(button, mark === "offline" ? icon("offline") : el("span", { class: `dot ${mark}` }), el("span", { text: w(words) }));
  button.onclick = look;
}

/** One thing at a time is said across the page: the most serious. */
function drawBanner(store, look) {
  const node = byId("banner");
  const said = banner(store);
  node.hidden = !said;
  if (!said) return;
  const { strong, more, act, name = "warning" } = said;
  show(
    node,
    icon(name),
    el("p", {}, el("strong", { text: strong }), " ", el("span", { text: more })),
    act === "sign_in" && el("a", { class: "touch", href: SIGN_IN, text: w("sign_in") }),
    act === "retry" && el("button", { type: "button", class: "touch", on: { click: look } }, w("try_again")),
    act === "close" &&
      el("button", { type: "button", class: "touch", on: { click: () => store.set({ wiped: null }) } }, w("understood")),
  );
}

function banner(store) {
  const { link, session, wiped, lastContact, clockOff, shown } = store.get();
  if (wiped) {
    const more = [told(wiped.text), wiped.lost ? w("wiped_lost", { n: wiped.lost }) : ""].filter(Boolean).join(" ");
    return { strong: w("wiped"), more, act: "close" };
  }
  if (session === "unknown")
    return { strong: w("unknown_device"), more: w("unknown_device_keeps"), act: "sign_in" };
  if (session === "revoked") return { strong: w("revoked"), more: w("revoked_more"), act: "sign_in" };
  if (isOut(session))
    return shown ? { strong: w("signed_out"), more: w("signed_out_keeps"), act: "sign_in" } : null;
  if (link === "offline" || link === "busy") {
    const last = lastContact ? w("last_contact", { at: when(lastContact) }) : "";
    if (shown?.expired)
      return { strong: w("expired"), more: w("expired_read_only"), act: "retry", name: "offline" };
    const strong = w(link === "offline" ? "offline" : "busy");
    return { strong, more: `${w("offline_more")}${last}`, act: "retry", name: "offline" };
  }
  if (clockOff) return { strong: w("clock_off"), more: w("clock_off_more") };
  if (!globalThis.isSecureContext) return { strong: w("insecure"), more: w("insecure_more"), name: "info" };
  return null;
}

function drawTabs(store) {
  const { view, shown, edits, holder } = store.get();
  const counts = {
    verify: openTasks(shown).length,
    outbox: edits.filter((edit) => isOpen(edit) && edit.holder === holder).length,
  };
  for (const tab of document.querySelectorAll(".tab")) {
    const { view: of } = tab.dataset;
    if (of === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
    const badge = tab.querySelector(".badge");
    if (!badge) continue;
    badge.hidden = !counts[of];
    badge.textContent = String(counts[of]);
  }
}
