/** The tablet's page: puts the parts together; what is shown follows from what was fetched, taken along and edited. */

import { byId } from "../dom.js";
import { afterPaint } from "../later.js";
import { createStore } from "../state.js";
import { startConflict } from "./conflict.js";
import { remembered, startContact } from "./contact.js";
import { isExpired, shownOf } from "./data.js";
import { startGrid } from "./grid.js";
import { startHead } from "./head.js";
import { startMap } from "./map.js";
import { startOutbox } from "./outbox.js";
import { startOutboxView } from "./outbox_view.js";
import { taken } from "./package.js";
import { startPackageView } from "./package_view.js";
import { startPlace } from "./place.js";
import { startVerify } from "./verify.js";
import { w } from "./words.js";

const VIEWS = ["grid", "verify", "outbox", "package", "conflict"];
/** How often it is looked whether the package has expired. */
const EXPIRY_MS = 60_000;
const THEME = "wangge-field-theme";

const store = createStore({
  view: "grid",
  chosen: null,
  conflict: null,
  order: "urgent",
  edits: [],
  sending: null,
  link: null,
  session: null,
  holder: null,
  lastContact: null,
  lastServer: 0,
  clockOff: false,
  live: null,
  package: null,
  shown: null,
  extra: {},
  failure: null,
  wiped: null,
  me: null,
  meSaid: "",
  watching: false,
  taking: null,
  packageSaid: "",
  size: null,
  toast: "",
});

const outbox = startOutbox(store);
const contact = startContact(store, outbox);
const place = startPlace(store);

/** Go to a view; the address remembers it, so that the tablet's back button works. */
function go(view, { replace = false } = {}) {
  if (view === "verify" && !taskOf(store.get().chosen)) store.set({ chosen: firstOpen() });
  const hash = `#${view}`;
  if (replace || location.hash === hash) history.replaceState(null, "", hash);
  else history.pushState(null, "", hash);
  enter(view);
}

function enter(view) {
  if (store.get().view === view) return;
  store.set({ view });
  byId("field").dataset.view = view;
  if (view === "verify") map.select(true);
  // Whoever goes by keyboard or by ear is told where they are, once it is there to be seen.
  afterPaint(() => document.getElementById(`${view}-title`)?.focus({ preventScroll: true }));
}

function taskOf(id) {
  const { shown, extra } = store.get();
  return shown?.tasks.find((task) => task.id === id) ?? extra[id];
}

function firstOpen() {
  return store.get().shown?.tasks.find(({ edit }) => !edit)?.id ?? null;
}

function choose(id) {
  const edit = taskOf(id)?.edit;
  store.set({ chosen: id });
  if (edit?.state === "conflict") openConflict(edit.seq);
  else go("verify");
}

function openConflict(seq) {
  store.set({ conflict: seq });
  go("conflict");
}

const map = startMap(store, { choose });
startHead(store, { look: contact.look, go });
startGrid(store, { choose, look: contact.look });
startVerify(store, outbox, { close: () => go("grid"), choose: (id) => store.set({ chosen: id }) });
startOutboxView(store, outbox, { choose, conflict: openConflict });
startConflict(store, outbox, { close: () => go("outbox", { replace: true }) });
startPackageView(store);

const renew = () => store.set({ shown: shownOf(store.get()) });
store.on(["live", "package", "edits", "holder"], renew);
/** A package may come to its end while the page is open. */
function expire() {
  const { shown, package: mine, lastServer } = store.get();
  if (shown?.from === "package" && shown.expired !== isExpired(mine, lastServer)) renew();
}
store.on(["lastServer"], expire);
setInterval(expire, EXPIRY_MS);
store.on(["shown"], ({ shown, view, chosen }) => {
  map.show(shown);
  if (view === "verify" && chosen === null) store.set({ chosen: firstOpen() });
});
store.on(["link"], ({ link }) => map.reach(link === "online" || link === "busy"));
store.on(["session"], ({ session }) => session === "ok" && map.reach(true));
store.on(["chosen"], () => map.select(store.get().view === "verify"));
store.on(["me", "watching", "meSaid"], ({ me, watching, meSaid }) => {
  map.place(me);
  byId("me-said").textContent = meSaid;
  byId("me-box").hidden = !meSaid;
  byId("locate").setAttribute("aria-pressed", String(watching));
});

byId("locate").addEventListener("click", place.toggle);
byId("whole").addEventListener("click", map.whole);
byId("buildings").addEventListener("click", ({ currentTarget: button }) => {
  const on = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(on));
  map.toggle("buildings", on);
});
byId("theme").addEventListener("click", () => {
  const sun = document.documentElement.dataset.theme !== "sun";
  document.documentElement.dataset.theme = sun ? "sun" : "light";
  localStorage.setItem(THEME, sun ? "sun" : "light");
  byId("theme").setAttribute("aria-pressed", String(sun));
  store.set({ toast: w(sun ? "theme_sun_on" : "theme_sun_off") });
  map.restyle();
});
byId("theme").setAttribute("aria-pressed", String(document.documentElement.dataset.theme === "sun"));
addEventListener("popstate", () => {
  const view = location.hash.slice(1);
  enter(VIEWS.includes(view) && (view !== "conflict" || store.get().conflict) ? view : "grid");
});

/** What is on the tablet is shown before the network is asked. */
async function start() {
  let mine;
  let known;
  try {
    [mine, known] = await Promise.all([taken(), remembered(), outbox.ready]);
  } catch (error) {
    // A private window, or a disk that is full: nothing that is recorded could be kept.
    console.warn(error);
    store.set({ failure: w("no_storage"), link: "online" });
    return;
  }
  store.set({ package: mine ?? null, ...known, link: navigator.onLine ? null : "offline" });
  const view = location.hash.slice(1);
  if (VIEWS.includes(view) && view !== "conflict") go(view, { replace: true });
  document.documentElement.dataset.started = "true";
  await contact.look();
}

async function keepShell() {
  if (!navigator.serviceWorker) return;
  try {
    await navigator.serviceWorker.register(byId("page-data").dataset.serviceWorker, { scope: "/field" });
  } catch (error) {
    console.warn(error);
  }
}

keepShell();
start();
