/** Take along: what the package holds and weighs, whether its signature is good, and until when it may be used. */

import { byId, el, icon, show } from "../dom.js";
import { isExpired } from "./data.js";
import { canTake, reasonOf, sizeOf, take, wipe } from "./package.js";
import { dayOf, megabytes, told, w } from "./words.js";

const DAY_MS = 86_400_000;

/**
 * Start the screen, that also stands beside the outbox.
 * @param {object} store it gets `package`, `taking` and `packageSaid`
 */
export function startPackageView(store) {
  const nodes = [byId("package"), byId("package-aside")];
  let asked = null;

  async function fetchIt() {
    const { key } = store.get().live.field.package;
    store.set({ taking: 0, packageSaid: "" });
    try {
      const made = await take({ publicKey: key, progress: (share) => store.set({ taking: share }) });
      store.set({ package: made, packageSaid: "", toast: w("package_taken") });
    } catch (error) {
      console.warn(error);
      store.set({ packageSaid: reasonOf(error) });
    }
    store.set({ taking: null });
  }

  async function wipeIt() {
    if (!confirm(w("package_wipe_confirm"))) return;
    await wipe();
    store.set({ package: null });
  }

  /** The size is asked for once per area and version: it is told before anything is fetched. */
  function askSize() {
    const { live, view, size } = store.get();
    if (!live?.field.package || !["package", "outbox"].includes(view) || !canTake()) return;
    const about = `${live.field.area.id}@${live.field.epoch}:${live.field.version}`;
    if (asked === about || size?.about === about) return;
    asked = about;
    sizeOf().then(
      (bytes) => store.set({ size: { about, bytes } }),
      () => {
        asked = null;
      },
    );
  }

  const draw = () => {
    if (!["package", "outbox"].includes(store.get().view)) return;
    askSize();
    nodes.forEach((node, i) =>
      show(
        node,
        el("h2", { class: "panel-title", id: i ? null : "package-title", tabindex: i ? null : "-1", text: w("package") }),
        box(store.get(), { fetchIt, wipeIt, full: !i }),
        el("h2", { class: "panel-title second", text: w("works_offline") }),
        el("p", { class: "lead", text: w(canTake() ? "works_offline_more" : "works_offline_http") }),
        !i && el("p", { class: "quiet", text: w("package_privacy") }),
      ),
    );
  };
  store.on(["view", "package", "live", "taking", "packageSaid", "size", "link", "session"], draw);
}

function box(state, { fetchIt, wipeIt, full }) {
  const { package: taken, live, taking, packageSaid, size } = state;
  const offer = live?.field.package;
  const busy = taking !== null && taking !== undefined;
  const button = (label, name, main) =>
    el(
      "button",
      { type: "button", class: main ? "touch main" : "touch", disabled: !offer || busy, on: { click: fetchIt } },
      icon(name),
      label,
    );
  const status = [
    busy && el("p", { class: "small", role: "status", text: w("package_coming", { share: Math.round(taking * 100) }) }),
    busy && bar(taking),
    packageSaid && el("p", { class: "problem", role: "alert", text: packageSaid }),
  ];
  if (taken) return takenBox(state, { button, status, wipeIt, full });
  if (!canTake()) return el("div", { class: "box quiet-box" }, el("p", { text: w("insecure_package") }));
  const area = live?.field.area;
  return el(
    "div",
    { class: "box" },
    el("p", { class: "box-title", text: area ? told(area.title) : w("package_none") }),
    el("p", {
      class: "small",
      text: !live
        ? w("package_when_online")
        : !offer
          ? w("package_not_yours")
          : [w("package_not_taken"), size && w("about_size", { size: megabytes(size.bytes) })].filter(Boolean).join(w("comma")),
    }),
    offer && el("p", { class: "small", text: contents(live.field.counts) }),
    status,
    (offer || !live) && button(w("tab_package"), "download", true),
  );
}

function takenBox({ package: taken, lastServer, live }, { button, status, wipeIt, full }) {
  const { manifest, bytes } = taken;
  const expires = Date.parse(manifest.expires);
  const now = Math.max(Date.now(), lastServer ?? 0);
  const over = isExpired(taken, lastServer);
  const days = Math.max(0, Math.ceil((expires - now) / DAY_MS));
  const share = Math.max(0, Math.min(1, (expires - now) / (expires - Date.parse(manifest.made))));
  const newer =
    live && (live.field.epoch !== manifest.epoch || live.field.version > manifest.version);
  return el(
    "div",
    { class: "box" },
    el("p", { class: "box-title", text: w("package_have", { area: told(manifest.area.title) }) }),
    el("p", { class: "small", text: `${contents(manifest.counts)}${w("comma")}${megabytes(bytes)}` }),
    el("p", {
      class: over ? "small urgent" : "small",
      text: over
        ? w("package_expired", { date: dayOf(expires) })
        : w("package_good", { date: dayOf(expires), n: days }),
    }),
    bar(share),
    full && el("p", { class: "small", text: w("package_made", { at: dayOf(manifest.made), version: manifest.version }) }),
    full && el("p", { class: "small mono", text: w("package_key", { kid: manifest.kid }) }),
    newer && el("p", { class: "small", text: w("package_newer") }),
    status,
    button(w("package_update"), "retry", false),
    full && el("button", { type: "button", class: "touch plain", on: { click: wipeIt } }, w("package_wipe")),
  );
}

function contents({ communities, tasks }) {
  return w("package_holds", { communities, tasks });
}

function bar(share) {
  return el(
    "div",
    { class: "bar", "aria-hidden": "true" },
    el("span", { vars: { "--share": `${(share * 100).toFixed(1)}%` } }),
  );
}
