/** The wall's map: the desk's engine without its tools. It stands still; a new scene changes what it shows. */

import * as L from "leaflet";
import { byId, el } from "../dom.js";
import { t } from "../words.js";
import { scale } from "../map/colours.js";
import { crsOf } from "../map/crs.js";
import { wholeView } from "../map/fit.js";
import { askAgain } from "../map/tile_retry.js";

const SPARE_REM = 1.25;
/** The least that is kept free for the legend, of whatever scene; and how much smaller a stale map is than its box. */
const LEGEND_REM = { width: 41.25, height: 12 };
const STALE = 0.88;
/** From five metres names are read in the wall's smallest size, whatever the zoom. */
const NAME_REM = 1.75;
/** More of them would hide what the map shows. */
const MOST_NAMES = 40;
const NAMES = ["subdistrict_names_afar", "water_names", "green_names"];
const FARTHEST = 24;
const STILL = {
  zoomControl: false,
  attributionControl: false,
  dragging: false,
  touchZoom: false,
  scrollWheelZoom: false,
  doubleClickZoom: false,
  boxZoom: false,
  keyboard: false,
  zoomSnap: 0,
  zoomAnimation: false,
  fadeAnimation: false,
  markerZoomAnimation: false,
  inertia: false,
  trackResize: true,
};

/** Start the map. @returns {{paint: Function, mend: Function, close: Function}} */
export function startMap() {
  const description = JSON.parse(byId("map-description").textContent);
  for (const layer of description.layers) if (layer.places?.length > MOST_NAMES) layer.places = [];
  const node = byId("map");
  node.removeAttribute("tabindex");
  const map = L.map(node, { ...STILL, crs: crsOf(description), maxZoom: description.max_zoom });
  let closed = false;
  const taken = { width: 0, height: 0 };
  const fit = () => {
    if (closed) return;
    map.invalidateSize({ pan: false, animate: false });
    place(map, description, taken);
  };
  fit();
  new ResizeObserver(fit).observe(node);
  // It stands still for all scenes: the largest legend that there was has its room.
  new ResizeObserver(() => {
    const { offsetWidth: width, offsetHeight: height } = byId("legend");
    if (width <= taken.width && height <= taken.height) return;
    Object.assign(taken, { width: Math.max(width, taken.width), height: Math.max(height, taken.height) });
    fit();
  }).observe(byId("legend"));
  if (description.base_map?.attribution)
    node.after(el("p", { class: "wall-attribution", text: description.base_map.attribution }));

  let engine = null;
  let wanted = null;
  let failed = false;
  const say = (text) => {
    byId("map-message").textContent = failed ? t("wall_map_failed") : text;
    byId("map-message").hidden = !failed && !text;
  };
  const draw = () => {
    if (!engine || !wanted || closed) return;
    const { view, facilities } = wanted;
    engine.facilities(facilities?.kind ?? "");
    engine.toggle("mediation_rooms", false);
    engine.toggle("cells", view !== null);
    if (view) engine.paint(view);
  };
  started(map, description).then(
    (made) => {
      engine = made;
      engine.gl?.on("style.load", () => grow(engine.gl));
      if (engine.gl) grow(engine.gl);
      node.dataset.ready = "true";
      draw();
    },
    (error) => {
      console.warn(error);
      failed = true;
      say("");
    },
  );
  return {
    /** Show a view's classes and its facilities; without a view no cells, and in words why. */
    paint(view, facilities, why = "") {
      wanted = { view, facilities };
      say(why);
      draw();
    },
    /** The server answers: tiles that were given up meanwhile are asked for again. */
    mend() {
      if (engine?.gl && !closed) askAgain(engine.gl);
    },
    /** Take it away, with all that is drawn on it. */
    close() {
      if (closed) return;
      closed = true;
      map.remove();
      node.replaceChildren();
    },
  };
}

/** Show the district as large as it can be beside the legend, with the names of its parts. */
function place(map, description, taken) {
  const rem = 16 * scale();
  const { x: right, y: bottom } = map.getSize();
  const wide = Math.max(taken.width, LEGEND_REM.width * rem);
  const high = Math.max(taken.height + SPARE_REM * rem, LEGEND_REM.height * rem) / STALE;
  const legend = { left: right - wide, top: bottom - high, right, bottom };
  const view = wholeView(map, description, { spare: SPARE_REM * rem, font: NAME_REM * rem, taken: [legend] });
  if (view) map.setView(view.centre, view.zoom, { animate: false });
  else map.fitBounds(description.bounds, { padding: [SPARE_REM * rem, SPARE_REM * rem], animate: false });
}

/** MapLibre where there is WebGL 2, else the canvas engine. */
async function started(map, description) {
  const graphics = document.createElement("canvas").getContext("webgl2");
  const module = graphics ? await import("../map/gl.js") : await import("../map/canvas.js");
  graphics?.getExtension("WEBGL_lose_context")?.loseContext();
  return module.createEngine(map, description);
}

function grow(gl) {
  for (const id of NAMES)
    if (gl.getLayer(id)) gl.setLayoutProperty(id, "text-size", NAME_REM * 16 * scale());
  // Names of parts stand in their places whatever a scene marks, on small and on large screens.
  gl.setLayerZoomRange("subdistrict_names_afar", 0, FARTHEST);
  gl.setLayoutProperty("subdistrict_names", "visibility", "none");
}
