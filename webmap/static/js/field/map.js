/** The tablet's map: the desk's engines paint communities; area, numbers and one's own place stand upon it. */

import * as L from "leaflet";
import { byId, el } from "../dom.js";
import { still } from "../map/colours.js";
import { crsOf } from "../map/crs.js";
import { boundsOf } from "./data.js";
import { afterPaint } from "../later.js";
import { askAgain } from "../map/tile_retry.js";
import { page, told, w } from "./words.js";

const LAYERS = ["backdrop", "subdistricts", "communities", "buildings", "mediation_rooms"];
const BUILDINGS_FROM = 13;
const CLOSE_ZOOM = 17;
const SPARE = 28;
/** Under the legend and over it: what is chosen does not lie beneath. */
const LOW = 64;
const MOST_NUMBERS = 4;
/** Between names beside each other. */
const BETWEEN = 6;
/** More would hide each other, and the map with them. */
const MOST_PINS = 40;
const WORLD = [
  [-85, -180],
  [-85, 180],
  [85, 180],
  [85, -180],
];
const CLASSES = [
  { id: "double_none", token: "double-none" },
  { id: "unknown", token: "hatch" },
];

/** What the engines draw, tiles by `scheme`. */
function describe(scheme) {
  const url = (layer) => `${scheme}/tiles/${layer}/{z}/{x}/{y}.mvt`;
  const tiles = LAYERS.map((id) => ({
    kind: "tiles",
    id,
    url: url(id),
    min_zoom: id === "buildings" ? BUILDINGS_FROM : 0,
    show: true,
  }));
  const names = ["subdistrict_names", "water_names", "green_names"].map((id) => ({ id, kind: "names", places: [] }));
  return {
    ...page.map,
    // There is none without a network: what the package has is drawn then.
    base_map: null,
    layers: [...tiles, { kind: "tiles", id: "units", url: url("{unit}"), min_zoom: 0, show: true }, ...names],
  };
}

/** MapLibre where there is WebGL 2; its tiles come through the page, and so through the service worker. */
async function engineOn(map) {
  const graphics = document.createElement("canvas").getContext("webgl2");
  if (!graphics) {
    const description = describe("");
    return { engine: await (await import("../map/canvas.js")).createEngine(map, description), description };
  }
  graphics.getExtension("WEBGL_lose_context")?.loseContext();
  const gl = await import("maplibre-gl");
  // Only a script within the service worker's scope starts without a network.
  if (navigator.serviceWorker) gl.setWorkerUrl(new URL(byId("page-data").dataset.worker, location.href).href);
  gl.addProtocol("field", async ({ url }, { signal }) => {
    const answer = await fetch(url.replace(/^field:\/\//, ""), { signal });
    if (!answer.ok) throw Object.assign(new Error(`${answer.status} ${url}`), { status: answer.status });
    return { data: await answer.arrayBuffer() };
  });
  const description = describe("field://");
  return { engine: await (await import("../map/gl.js")).createEngine(map, description), description };
}

/**
 * Start the map.
 * @param {object} store
 * @param {{choose: (id: string) => void}} actions
 * @returns {{show: Function, select: Function, place: Function, whole: Function, resize: Function, restyle: Function, toggle: Function, reach: Function}}
 */
export function startMap(store, { choose }) {
  const node = byId("map");
  const map = L.map(node, {
    crs: crsOf(page.map),
    zoomControl: false,
    attributionControl: false,
    zoomSnap: 0.25,
    minZoom: 10,
    maxZoom: page.map.max_zoom,
    zoomAnimation: !still(),
    fadeAnimation: false,
    inertia: !still(),
  });
  map.setView([22.55, 114.12], 13);
  map.createPane("me").style.setProperty("z-index", "450");
  const parts = { area: L.layerGroup().addTo(map), pins: L.layerGroup().addTo(map), me: L.layerGroup().addTo(map) };
  const pins = new Map();
  let engine = null;
  let description = null;
  /** Null until it is known. */
  let online = null;
  let last = null;
  let bounds = null;
  let painted = null;

  engineOn(map).then(
    (made) => {
      ({ engine, description } = made);
      engine.toggle("facilities", false);
      node.dataset.ready = "true";
      paint();
      drawBase();
    },
    (error) => {
      byId("map-message").hidden = false;
      console.warn(error);
    },
  );

  const said = page.map.base_map && el("p", { class: "map-attribution", id: "base-said", hidden: true });
  if (said) node.after(said);

  /** Draw the operator's base map while there is a network, and say so while there is none. */
  function drawBase() {
    const base = page.map.base_map;
    if (!base || online === null) return;
    said.textContent = online ? base.attribution : w("base_offline");
    said.hidden = !said.textContent;
    const wanted = online ? base : null;
    if (!engine || description.base_map === wanted) return;
    description.base_map = wanted;
    engine.restyle();
  }

  /** Paint the communities, where they are others than those that are painted. */
  function paint() {
    if (!engine || !last || painted === last.communities) return;
    painted = last.communities;
    const tasked = new Set(last.tasks.map(({ code }) => code));
    const { communities } = last;
    engine.paint({
      query: { unit: "communities", kind: "" },
      rows: {
        id: communities.map(({ id }) => id),
        class: communities.map((one) => one.class),
        // Where a number stands its name stands with it.
        name: communities.map(({ id, name }) => (tasked.has(id) ? "" : name)),
        lon: communities.map(({ lon }) => lon),
        lat: communities.map(({ lat }) => lat),
      },
      legend: { classes: CLASSES },
    });
  }

  function drawArea({ outline, bbox }) {
    parts.area.clearLayers();
    if (!outline) return;
    const rings = (outline.type === "Polygon" ? [outline.coordinates] : outline.coordinates).map(([ring]) =>
      ring.map(([lon, lat]) => [lat, lon]),
    );
    L.polygon([WORLD, ...rings], { interactive: false, stroke: false, className: "area-outside" }).addTo(parts.area);
    for (const className of ["area-halo", "area-line"])
      L.polygon(rings, { interactive: false, fill: false, className }).addTo(parts.area);
    bounds = boundsOf(bbox);
  }

  /** One mark per place in view, with the numbers of all that is to be verified there; the most urgent places. */
  function drawPins() {
    const seen = map.getBounds().pad(0.1);
    const places = Map.groupBy(last.tasks, ({ layer, code }) => `${layer}/${code}`);
    const wanted = [...places].filter(([, [{ lat, lon }]]) => seen.contains([lat, lon])).slice(0, MOST_PINS);
    const now = new Map(wanted.map(([place, here]) => [place, here]));
    for (const [place, { marker }] of pins) {
      if (now.has(place)) continue;
      marker.remove();
      pins.delete(place);
    }
    for (const [place, here] of now) {
      const state = here.map(({ id, rank, edit }) => `${id} ${rank} ${Boolean(edit)}`).join();
      if (pins.get(place)?.state === state) continue;
      pins.get(place)?.marker.remove();
      pins.set(place, { state, here, marker: markerOf(here) });
    }
    chosen();
    afterPaint(nameable);
  }

  function markerOf(here) {
    const [first] = here;
    const numbers = here.slice(0, MOST_NUMBERS).map(({ id, rank, edit }) =>
      el("span", { class: edit ? "pin-number done" : "pin-number", "data-task": id, text: String(rank) }),
    );
    if (here.length > MOST_NUMBERS)
      numbers.push(el("span", { class: "pin-more", text: `+${here.length - MOST_NUMBERS}` }));
    const label = el(
      "div",
      { class: "pin" },
      el("span", { class: "pin-numbers" }, numbers),
      el("span", { class: "pin-name", text: told(first.name) }),
    );
    const icon = L.divIcon({ className: "pin-box", html: label, iconSize: [0, 0] });
    const open = here.find(({ edit }) => !edit) ?? first;
    const marker = L.marker([first.lat, first.lon], { icon, keyboard: false });
    marker.on("click", ({ originalEvent }) =>
      choose(originalEvent?.target.closest("[data-task]")?.dataset.task ?? open.id),
    );
    marker.addTo(parts.pins);
    // The list says all of it, with names: for ears and keys the numbers on the map are doubles.
    marker.getElement().setAttribute("aria-hidden", "true");
    return marker;
  }

  function chosen() {
    const { chosen: id } = store.get();
    for (const { here, marker } of pins.values()) {
      marker.setZIndexOffset(here.some((task) => task.id === id) ? 1000 : 0);
      for (const number of marker.getElement().querySelectorAll("[data-task]"))
        number.classList.toggle("chosen", number.dataset.task === id);
    }
  }

  /** Names beneath numbers or more urgent names are left out: the list has them. All is measured, then changed. */
  function nameable() {
    const marks = [...pins.values()]
      .sort((one, other) => one.here[0].rank - other.here[0].rank)
      .map(({ marker }) => {
        const pin = marker.getElement();
        const name = pin.querySelector(".pin-name");
        const numbers = pin.querySelector(".pin-numbers").getBoundingClientRect();
        return { name, at: name.getBoundingClientRect(), numbers };
      });
    const named = [];
    for (const one of marks) {
      const beneath =
        named.some((at) => overlap(one.at, at, BETWEEN)) ||
        marks.some((other) => other !== one && overlap(one.at, other.numbers));
      one.name.classList.toggle("beneath", beneath);
      if (!beneath) named.push(one.at);
    }
  }
  map.on("moveend", () => last && drawPins());
  // Where it is not shown it keeps its size: painting anew is what costs.
  const fit = () => node.offsetWidth && map.invalidateSize({ pan: false });
  new ResizeObserver(() => afterPaint(fit)).observe(node);

  function whole() {
    if (!bounds) return;
    map.invalidateSize({ pan: false });
    map.fitBounds(bounds, { paddingTopLeft: [SPARE, LOW], paddingBottomRight: [SPARE, LOW], animate: false });
  }

  const api = {
    /** Show an area, its tasks and communities. */
    show(shown) {
      const before = last?.field.area;
      last = shown;
      // What was wiped, or is no longer one's own, is not left standing on the screen either.
      node.classList.toggle("emptied", !shown);
      if (!shown) {
        for (const group of [parts.area, parts.pins]) group.clearLayers();
        pins.clear();
        return;
      }
      const { area } = shown.field;
      if (before?.id !== area.id) {
        drawArea(area);
        api.whole();
      }
      drawPins();
      paint();
    },
    /** Mark the chosen task's number, and with `fly` bring it into view. */
    select(fly) {
      chosen();
      const task = fly && last && taskOf(store.get());
      // What was tapped is answered first; the map follows.
      if (task)
        afterPaint(() => {
          map.invalidateSize({ pan: false });
          map.setView([task.lat, task.lon], Math.max(map.getZoom(), CLOSE_ZOOM), { animate: false });
        });
    },
    /** One's own place with its accuracy; null takes it away. */
    place(at, { fly = false } = {}) {
      parts.me.clearLayers();
      if (!at) return;
      const position = [at.lat, at.lon];
      const look = { pane: "me", interactive: false };
      L.circle(position, { ...look, radius: at.accuracy, className: "me-accuracy" }).addTo(parts.me);
      L.circleMarker(position, { ...look, radius: 11, className: "me-point" }).addTo(parts.me);
      if (fly) map.setView(position, Math.max(map.getZoom(), CLOSE_ZOOM), { animate: !still() });
    },
    whole() {
      afterPaint(whole);
    },
    restyle() {
      afterPaint(() => engine?.restyle());
    },
    toggle(name, on) {
      afterPaint(() => engine?.toggle(name, on));
    },
    /** There is a network, or none; what was not got without it is asked for again. */
    reach(now) {
      online = now;
      drawBase();
      if (now && engine?.gl) askAgain(engine.gl);
    },
  };
  node.setAttribute("aria-label", w("map_label"));
  return api;
}

/** Whether two boxes lie on each other, or nearer than `apart` side by side. */
function overlap(one, other, apart = 0) {
  const across = one.left < other.right + apart && other.left < one.right + apart;
  return across && one.top < other.bottom && other.top < one.bottom;
}

function taskOf({ chosen, shown, extra }) {
  return shown?.tasks.find(({ id }) => id === chosen) ?? extra[chosen];
}
