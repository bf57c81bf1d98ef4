/** Two maps of the same ground: they move together, share a crosshair, and stand side by side or under a swipe. */

import * as L from "leaflet";
import { byId, el, icon, show } from "./dom.js";
import { startFrame } from "./map/frame.js";
import { tellLost } from "./map/lost_notice.js";
import { mapOptions, ready, startMap } from "./map/shell.js";
import { unitsMarked } from "./map/tools.js";
import { t } from "./words.js";

const STEP = 2;
const FAR = 10;

/**
 * Start both maps; the left one paints the store's `view`, the right one its `rightView`.
 * @param {object} store
 * @param {{choose: (id: string) => void}} actions
 * @returns {object} what `startMap` gives of the left map
 */
export function startMaps(store, { choose }) {
  let engine = null;
  // A map that is under way to its zoom could not be followed step by step.
  const left = startMap(
    store,
    { choose, toggled: (name, on) => name !== "facilities" && engine?.toggle(name, on) },
    { zoomAnimation: false, slim: true },
  );
  const box = document.querySelector("[data-side=right] .map-box");
  const node = byId("map-right");
  const right = L.map(node, { ...mapOptions(left.description), zoomAnimation: false });
  right.setView(left.leaflet.getCenter(), left.leaflet.getZoom(), { animate: false });
  startFrame(right, box.querySelector(".map-frame"));
  tellLost(node, () => engine?.again());
  const follows = link(left.leaflet, right);
  // When room is given or taken the right map goes where the left one is, and leads it nowhere.
  new ResizeObserver(() => follows(() => right.invalidateSize({ pan: false }))).observe(node);
  startCrosshair(store, [left.leaflet, right], choose, () => engine);
  startHandle(store);
  ready(right, left.description).then(
    (made) => {
      engine = made;
      node.dataset.ready = "true";
      delete box.dataset.first;
      follow(store, made);
      // What the left map was told before this one was there.
      left.switch();
    },
    (error) => {
      show(byId("map-message"), el("h2", { text: t("map_failed") }), el("p", { text: t("compare_no_maps") }));
      byId("map-message").hidden = false;
      console.warn(error);
    },
  );
  return left;
}

function follow(store, engine) {
  const paint = () => {
    const { rightView: view, query, right } = store.get();
    if (!view) return;
    engine.facilities(view.query.kind ?? query.kind);
    engine.paint(view);
    engine.toggle("facilities", right === "gap" && !unitsMarked(store.get()));
  };
  store.on(["rightView"], paint);
  store.on(["select"], ({ select }) => engine.choose(select));
  document.addEventListener("themechange", () => engine.restyle());
  document.addEventListener("sharpen", ({ detail }) => engine.sharpen(detail));
  engine.choose(store.get().select);
  engine.facilities("");
  paint();
}

/** Where one map goes the other goes too. Returns what does something to the second without its leading the first. */
function link(one, other) {
  let leading = null;
  const lead = (from, to) =>
    from.on("move zoom", () => {
      if (leading && leading !== from) return;
      const before = leading;
      leading = from;
      to.setView(from.getCenter(), from.getZoom(), { animate: false });
      leading = before;
    });
  lead(one, other);
  lead(other, one);
  return (act) => {
    leading = one;
    act();
    other.setView(one.getCenter(), one.getZoom(), { animate: false });
    leading = null;
  };
}

/** A crosshair at the same place of both maps: where the pointer is, else in the middle while keys move, else on what is chosen. */
function startCrosshair(store, maps, choose, rightEngine) {
  const marks = maps.map((map) => map.getContainer().closest(".map-box").querySelector(".crosshair"));
  for (const mark of marks) show(mark, el("span", { class: "crosshair-mark" }));
  let pointed = null;
  const draw = () => {
    const { select, views } = store.get();
    const row = select && views ? views[0].rows.id.indexOf(select) : -1;
    const at = pointed ?? (row >= 0 ? [views[0].rows.lat[row], views[0].rows.lon[row]] : null);
    maps.forEach((map, i) => {
      marks[i].hidden = !at;
      if (!at) return;
      const { x, y } = map.latLngToContainerPoint(at);
      marks[i].style.setProperty("--x", `${Math.round(x)}px`);
      marks[i].style.setProperty("--y", `${Math.round(y)}px`);
    });
  };
  const point = (latlng) => {
    pointed = latlng;
    draw();
  };
  for (const map of maps) {
    const node = map.getContainer();
    map.on("mousemove", ({ latlng }) => point(latlng));
    map.on("mouseout", () => point(null));
    map.on("move zoom resize", () => {
      if (node.matches(":focus-visible")) pointed = map.getCenter();
      draw();
    });
    node.addEventListener("focus", () => node.matches(":focus-visible") && point(map.getCenter()));
    node.addEventListener("blur", () => point(null));
  }
  // Clicks on the left map are its own affair; here are those on the right one, and Enter on either.
  const pick = (latlng) => {
    const id = rightEngine()?.pick(latlng);
    if (id) choose(id);
  };
  maps[1].on("click", ({ latlng }) => pick(latlng));
  for (const map of maps)
    map.getContainer().addEventListener("keydown", ({ key, target }) => {
      if (key === "Enter" && target === map.getContainer()) pick(map.getCenter());
    });
  store.on(["select", "views", "how"], draw);
}

/** The handle of the swipe: pointer, finger and arrow keys move it. */
function startHandle(store) {
  const handle = byId("compare-handle");
  const maps = byId("compare-maps");
  show(handle, el("span", { class: "compare-grip", "aria-hidden": "true" }, icon("handle")));
  const set = (share) => store.set({ at: Math.round(Math.min(Math.max(share, 0), 100)) });
  handle.addEventListener("pointerdown", (event) => {
    handle.setPointerCapture(event.pointerId);
    event.preventDefault();
    handle.focus();
  });
  handle.addEventListener("pointermove", ({ pointerId, clientX }) => {
    if (!handle.hasPointerCapture(pointerId)) return;
    const { left, width } = maps.getBoundingClientRect();
    set(((clientX - left) / width) * 100);
  });
  handle.addEventListener("keydown", (event) => {
    const { at } = store.get();
    const to = {
      ArrowLeft: at - STEP,
      ArrowDown: at - STEP,
      ArrowRight: at + STEP,
      ArrowUp: at + STEP,
      PageDown: at - FAR,
      PageUp: at + FAR,
      Home: 0,
      End: 100,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    set(to);
  });
  const follow = () => {
    const { how, at } = store.get();
    maps.classList.toggle("swiping", how === "swipe");
    handle.hidden = how !== "swipe";
    maps.style.setProperty("--at", at);
    handle.setAttribute("aria-valuenow", String(at));
    handle.setAttribute("aria-valuetext", t("compare_handle", { share: at }));
  };
  store.on(["how", "at"], follow);
  follow();
}
