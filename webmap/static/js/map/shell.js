/** The map: Leaflet holds it, an engine paints it, the store says what. Without graphics the page goes on without it. */

import * as L from "leaflet";
import { byId, el, icon, show } from "../dom.js";
import { menu } from "../floating.js";
import { t } from "../words.js";
import { scale, still } from "./colours.js";
import { startFrame } from "./frame.js";

const CLOSE_ZOOM = {
  square: 16,
  h3: 16,
  communities: 16,
  management: 15.5,
  neighbourhoods: 14.5,
  subdistricts: 13.5,
};
const LAYER_NAMES = [
  "cells",
  "communities",
  "buildings",
  "facilities",
  "mediation_rooms",
  "boundaries",
  "complaints",
];
const SPARE = 24;
const LEGEND_ROOM = 150;
const FROM_ZOOM = { buildings: 14, complaints: 13 };

/**
 * Start the map.
 * @param {object} store
 * @param {{choose: (id: string) => void}} actions
 * @returns {{flyTo: Function, fit: Function, whole: Function}}
 */
export function startMap(store, { choose }) {
  const description = JSON.parse(byId("map-description").textContent);
  const node = byId("map");
  const map = L.map(node, {
    zoomControl: false,
    attributionControl: false,
    zoomSnap: 0.25,
    zoomDelta: 1,
    wheelPxPerZoomLevel: 90,
    minZoom: 8,
    maxZoom: description.max_zoom,
    tickOrigin: description.bounds[0],
    zoomAnimation: !still(),
    fadeAnimation: false,
    inertia: !still(),
  });
  const { place } = store.get();
  const whole = ({ animate = !still() } = {}) => {
    // Where there is height to spare, the district stands clear of the legend.
    const low = [SPARE, SPARE + LEGEND_ROOM * scale()];
    const size = (bottom) => map.getBoundsZoom(description.bounds, false, L.point(2 * SPARE, SPARE + bottom));
    const paddingBottomRight = size(low[1]) < size(SPARE) ? [SPARE, SPARE] : low;
    map.fitBounds(description.bounds, { paddingTopLeft: [SPARE, SPARE], paddingBottomRight, animate });
  };
  if (place) map.setView([place.lat, place.lon], place.zoom, { animate: false });
  else whole({ animate: false });
  const visible = Object.fromEntries(description.layers.map(({ id, show: shown }) => [id, shown]));
  Object.assign(visible, { cells: true, boundaries: true });
  tools(map, whole, visible, (name) => engine?.toggle(name, visible[name]));
  startFrame(map, byId("map-frame"));
  map.on("moveend", () => {
    const { lat, lng } = map.getCenter();
    store.set({ place: { zoom: map.getZoom(), lat, lon: lng } });
  });
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(node);

  let engine;
  ready(map, description).then(
    (made) => {
      engine = made;
      node.dataset.ready = "true";
      delete byId("map-box").dataset.first;
      follow(store, engine);
      pointing(map, engine, choose);
    },
    (error) => {
      show(byId("map-message"), el("h2", { text: t("map_failed") }), el("p", { text: t("map_failed_more") }));
      byId("map-message").hidden = false;
      console.warn(error);
    },
  );
  const name = nameTag(map, store);
  store.on(["select", "view", "card"], name);
  name();
  return {
    whole,
    flyTo(lon, lat, unit) {
      const zoom = Math.max(map.getZoom(), CLOSE_ZOOM[unit.split(":")[0]] ?? 16);
      if (still()) map.setView([lat, lon], zoom, { animate: false });
      else map.flyTo([lat, lon], zoom, { duration: 0.4 });
    },
    fit([west, south, east, north]) {
      const bounds = [
        [south, west],
        [north, east],
      ];
      const options = { padding: [60, 60], maxZoom: 17.5 };
      if (still()) map.fitBounds(bounds, { ...options, animate: false });
      else map.flyToBounds(bounds, { ...options, duration: 0.4 });
    },
  };
}

/** MapLibre where there is WebGL 2, else the canvas engine on the same tiles. */
async function ready(map, description) {
  const graphics = document.createElement("canvas").getContext("webgl2");
  const module = graphics ? await import("./gl.js") : await import("./canvas.js");
  graphics?.getExtension("WEBGL_lose_context")?.loseContext();
  return module.createEngine(map, description);
}

function follow(store, engine) {
  const paint = () => {
    const { view, query } = store.get();
    if (!view) return;
    engine.facilities(view.query.kind ?? query.kind);
    engine.paint(view);
  };
  store.on(["view"], paint);
  store.on(["select"], () => engine.choose(store.get().select));
  document.addEventListener("themechange", () => engine.restyle());
  engine.choose(store.get().select);
  paint();
}

function pointing(map, engine, choose) {
  map.on("click", ({ latlng }) => {
    const id = engine.pick(latlng);
    if (id) choose(id);
  });
  if (!matchMedia("(hover: hover)").matches) return;
  map.on("mousemove", ({ latlng }) => {
    const id = engine.pick(latlng);
    map.getContainer().classList.toggle("pointing", Boolean(id));
    engine.point(id);
  });
  map.on("mouseout", () => engine.point(null));
}

function tools(map, whole, visible, toggle) {
  const tool = (name, label, click) =>
    el("button", { type: "button", "aria-label": label, title: label, on: { click } }, icon(name));
  const [zoomIn, zoomOut] = [
    tool("plus", t("zoom_in"), () => map.zoomIn(1)),
    tool("minus", t("zoom_out"), () => map.zoomOut(1)),
  ];
  const layers = menu({ icon: "layers", label: t("layers"), className: "" }, () =>
    LAYER_NAMES.map((name) =>
      el(
        "label",
        { class: "menu-item" },
        el("input", {
          type: "checkbox",
          checked: visible[name],
          on: {
            change: ({ target }) => {
              visible[name] = target.checked;
              toggle(name);
            },
          },
        }),
        t(`layer_${name}`),
        FROM_ZOOM[name] > map.getZoom() && el("span", { class: "menu-hint", text: t("layer_zoom") }),
      ),
    ),
  );
  show(
    byId("map-tools"),
    zoomIn,
    zoomOut,
    tool("whole", t("zoom_all"), () => whole()),
    layers,
  );
  const limits = () => {
    zoomIn.disabled = map.getZoom() >= map.getMaxZoom();
    zoomOut.disabled = map.getZoom() <= map.getMinZoom();
  };
  map.on("zoomend", limits);
  limits();
}

/** The chosen unit's name in a tag over it. */
function nameTag(map, store) {
  let tag = null;
  return () => {
    tag?.remove();
    const { select, view, card } = store.get();
    const at = select && view ? view.rows.id.indexOf(select) : -1;
    const [lon, lat, text] =
      at >= 0
        ? [view.rows.lon[at], view.rows.lat[at], view.rows.name[at]]
        : card?.id === select
          ? [card?.lon, card?.lat, card?.name]
          : [];
    if (typeof lon !== "number") return;
    const height = 40 * scale();
    tag = L.marker([lat, lon], {
      interactive: false,
      keyboard: false,
      icon: L.divIcon({
        className: "map-tag",
        html: el("span", { text: text ?? select }),
        iconSize: [0, 0],
        iconAnchor: [0, height],
      }),
    });
    tag.addTo(map);
    tag.getElement().setAttribute("aria-hidden", "true");
  };
}
