/** The map: Leaflet holds it, an engine paints it, the store says what. Without graphics the page goes on without it. */

import * as L from "leaflet";
import { byId, el, show } from "../dom.js";
import { afterPaint } from "../later.js";
import { isRoomy } from "../legend.js";
import { t } from "../words.js";
import { scale, still } from "./colours.js";
import { crsOf } from "./crs.js";
import { wholeView } from "./fit.js";
import { startFrame } from "./frame.js";
import { tellLost } from "./lost_notice.js";
import { startMapTools } from "./tools.js";

const CLOSE_ZOOM = {
  square: 16,
  h3: 16,
  communities: 16,
  management: 15.5,
  neighbourhoods: 14.5,
  subdistricts: 13.5,
};
const SPARE = 24;
const LEGEND_ROOM = 150;
/** What legend and tools take of a corner, with what is between them and the map's edge; and how large names are there. */
const LEGEND_REM = { open: { wide: 21.5, high: 17.25 }, folded: { wide: 25.5, high: 6.75 } };
const TOOLS_REM = { coarse: { wide: 4.5, high: 13.5 }, fine: { wide: 3.75, high: 10.5 } };
const NAME_REM = 0.875;
/** What the tools at the left edge take, with fingers' buttons. */
const TOOLS_ROOM = 72;
/** Without a supposition nothing gains or loses by it. */
const UNTURNED = { gained: [], lost: [], open: [] };

/** How Leaflet holds a map of the district. */
export function mapOptions(description) {
  return {
    crs: crsOf(description),
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
  };
}

/**
 * Start the map.
 * @param {object} store
 * @param {{choose: (id: string) => void, toggled?: (name: string, on: boolean) => void,
 *   place?: (layer: string, code: string) => void}} actions `place`: a facility or room was clicked
 * @param {object} [options] of Leaflet's map, where they are not the usual ones; `slim`: so narrow that the district
 *   would lie under the tools, which it stands clear of
 * @returns {{flyTo: Function, fit: Function, whole: Function, renew: Function, switch: Function, leaflet: object,
 *   description: object}} `switch`: show the layers that are to be shown, once more
 */
export function startMap(store, { choose, toggled, place: toPlace }, { slim = false, ...options } = {}) {
  const description = JSON.parse(byId("map-description").textContent);
  const node = byId("map");
  const map = L.map(node, { ...mapOptions(description), ...options });
  const { place } = store.get();
  const whole = ({ animate = !still() } = {}) => {
    const view = slim ? null : wholeView(map, description, overMap(node));
    if (view) {
      map.setView(view.centre, view.zoom, { animate });
      return;
    }
    // Where there is height to spare, the district stands clear of what is below.
    const low = [SPARE, SPARE + LEGEND_ROOM * scale()];
    const left = slim ? TOOLS_ROOM : SPARE;
    const size = (bottom) => map.getBoundsZoom(description.bounds, false, L.point(left + SPARE, SPARE + bottom));
    const paddingBottomRight = size(low[1]) < size(SPARE) ? [SPARE, SPARE] : low;
    map.fitBounds(description.bounds, { paddingTopLeft: [left, SPARE], paddingBottomRight, animate });
  };
  if (place) map.setView([place.lat, place.lon], place.zoom, { animate: false });
  else whole({ animate: false });
  let engine;
  const switches = startMapTools(map, store, description, {
    whole,
    toggle: (name, on) => {
      engine?.toggle(name, on);
      toggled?.(name, on);
    },
  });
  startFrame(map, byId("map-frame"));
  tellLost(node, () => engine?.again());
  map.on("moveend", () => {
    const { lat, lng } = map.getCenter();
    store.set({ place: { zoom: map.getZoom(), lat, lon: lng } });
  });
  new ResizeObserver(() => map.invalidateSize({ pan: false })).observe(node);

  ready(map, description).then(
    (made) => {
      engine = made;
      node.dataset.ready = "true";
      delete byId("map-box").dataset.first;
      follow(store, engine, switches);
      attribute(node, description);
      pointing(map, engine, {
        // While a place is chosen a click is that choice and no other.
        awaited: () => Boolean(store.get().placing || store.get().existing),
        choose,
        place: toPlace && (({ layer, code }) => toPlace(layer, code)),
      });
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
    leaflet: map,
    description,
    whole,
    renew: () => engine?.renew?.(),
    switch: () => switches.apply(),
    flyTo(lon, lat, unit) {
      const zoom = Math.max(map.getZoom(), CLOSE_ZOOM[unit.split(":")[0]] ?? 16);
      afterPaint(() => {
        if (still()) map.setView([lat, lon], zoom, { animate: false });
        else map.flyTo([lat, lon], zoom, { duration: 0.4 });
      });
    },
    fit([west, south, east, north]) {
      const bounds = [
        [south, west],
        [north, east],
      ];
      const options = { padding: [60, 60], maxZoom: 17.5 };
      afterPaint(() => {
        if (still()) map.fitBounds(bounds, { ...options, animate: false });
        else map.flyToBounds(bounds, { ...options, duration: 0.4 });
      });
    },
  };
}

/** What lies over the desk's map: the legend, folded where the map is small, and the tools. */
function overMap(node) {
  const rem = 16 * scale();
  const { clientWidth: right, clientHeight: bottom } = node;
  const legend = isRoomy(node) ? LEGEND_REM.open : LEGEND_REM.folded;
  const tools = matchMedia("(pointer: coarse)").matches ? TOOLS_REM.coarse : TOOLS_REM.fine;
  const taken = [
    { left: right - legend.wide * rem, top: bottom - legend.high * rem, right, bottom },
    { left: 0, top: bottom - tools.high * rem, right: tools.wide * rem, bottom },
  ];
  return { spare: SPARE, font: NAME_REM * rem, taken };
}

/** MapLibre where there is WebGL 2, else the canvas engine on the same tiles. */
export async function ready(map, description) {
  const graphics = document.createElement("canvas").getContext("webgl2");
  const module = graphics ? await import("./gl.js") : await import("./canvas.js");
  graphics?.getExtension("WEBGL_lose_context")?.loseContext();
  return module.createEngine(map, description);
}

function follow(store, engine, switches) {
  const paint = () => {
    const { view, query } = store.get();
    if (!view) return;
    engine.facilities(view.query.kind ?? query.kind);
    engine.paint(view);
    engine.turn(store.get().whatIf?.units ?? UNTURNED);
    switches.apply();
  };
  const choose = () => engine.choose(store.get().select);
  // What was pressed is answered first; the map, which is what takes time, follows.
  store.on(["view"], () => {
    engine.expect?.();
    afterPaint(paint);
  });
  store.on(["adding"], () => switches.apply());
  store.on(["select"], () => afterPaint(choose));
  document.addEventListener("themechange", () => engine.restyle());
  document.addEventListener("sharpen", ({ detail }) => engine.sharpen(detail));
  engine.choose(store.get().select);
  // What marks there are is told by the first answer.
  engine.facilities("");
  // Layers that nobody asked for are not shown while the first answer is on its way either.
  switches.apply();
  paint();
}

function pointing(map, engine, { awaited, choose, place }) {
  map.on("click", ({ latlng }) => {
    // Asked at once: whoever awaited this click has had it by the next frame, and awaits none any more.
    if (awaited()) return;
    // To find what lies there takes longer than a tap may wait for an answer.
    afterPaint(() => {
      const there = place && engine.place?.(latlng);
      const id = engine.pick(latlng);
      if (there) place(there);
      else if (id) choose(id);
    });
  });
  if (!matchMedia("(hover: hover)").matches) return;
  let at = null;
  const look = () => {
    const id = at && engine.pick(at);
    map.getContainer().classList.toggle("pointing", Boolean(id ?? (at && place && engine.place?.(at))));
    engine.point(id);
  };
  const moved = (latlng) => {
    at = latlng;
    afterPaint(look);
  };
  map.on("mousemove", ({ latlng }) => moved(latlng));
  map.on("mouseout", () => moved(null));
}

/** Say whose the map under ours is. */
function attribute(node, { base_map: base }) {
  if (base?.attribution) node.after(el("p", { class: "map-attribution", text: base.attribution }));
}

/** The chosen unit's name in a tag over it. */
function nameTag(map, store) {
  let tag = null;
  return () => {
    tag?.remove();
    const { select, view, card } = store.get();
    const at = select && view ? view.rows.id.indexOf(select) : -1;
    const known = card?.id === select ? card : null;
    const [lon, lat, text] =
      at >= 0
        ? [view.rows.lon[at], view.rows.lat[at], view.rows.name[at]]
        : [known?.lon, known?.lat, known?.name];
    const top = known ? known.bbox[3] : lat;
    if (typeof lon !== "number") return;
    const height = 40 * scale();
    tag = L.marker([top, lon], {
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
