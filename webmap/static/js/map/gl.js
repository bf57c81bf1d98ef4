/** MapLibre inside Leaflet: classes are feature states, so that a new view repaints and fetches nothing. */

import { MaplibreGL } from "@maplibre/maplibre-gl-leaflet";
import { MARKS } from "../shapes.js";
import { hatchTile, lostTile, markTile } from "./colours.js";
import { followInDisplay } from "./crs.js";
import { toDisplay } from "./datum.js";
import { unitStates } from "./states.js";
import { SWITCHES, baseStyle } from "./style.js";
import { unitStyle } from "./unit_style.js";

const PICKED = ["units-fill", "units-point"];
const PLACES = ["facilities", "mediation_rooms"];
const REACH_PX = 10;
const UNITS = "units";
const GONE = { token: null, ground: false, open: false };

/**
 * @typedef {object} Engine
 * @property {(view: object) => void} paint show a view's classes
 * @property {(id: string|null) => void} choose mark one unit
 * @property {(id: string|null) => void} point mark the unit under the pointer
 * @property {(units: {gained: string[], lost: string[]}) => void} turn mark the units that a supposition changes
 * @property {(latlng: object) => string|null} pick the unit at a position
 * @property {(latlng: object) => {layer: string, code: string}|null} [place] the facility or room at a position
 * @property {() => void} [renew] fetch places again: one has been moved
 * @property {(kind: string) => void} facilities show one kind of facility
 * @property {(name: string, visible: boolean) => void} toggle a switch of the layer menu
 * @property {() => void} restyle take the theme's colours again
 * @property {(ratio: number|null) => void} sharpen draw with so many pixels per CSS pixel, null for the screen's
 */

/** Put the GL layer on a Leaflet map. @returns {Promise<Engine>} */
export async function createEngine(map, description) {
  const layer = new MaplibreGL({
    style: baseStyle(description),
    fadeDuration: 0,
    // Printing reads the canvas after the frame is done.
    canvasContextAttributes: { preserveDrawingBuffer: true },
    localIdeographFontFamily: false,
    validateStyle: false,
    padding: 0.1,
  });
  layer.addTo(map);
  const gl = layer.getMaplibreMap();
  followInDisplay(gl, map, description);
  addImages(gl);
  const busy = (state) => () => map.getContainer().setAttribute("aria-busy", state);
  gl.on("movestart", busy("true"));
  gl.on("dataloading", busy("true"));
  gl.on("idle", busy("false"));
  await gl.once("load");
  return new GlEngine(gl, description);
}

function addImages(gl) {
  const ratio = Math.max(2, Math.ceil(devicePixelRatio));
  const put = (name, canvas) => {
    const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    if (gl.hasImage(name)) gl.removeImage(name);
    gl.addImage(name, image, { pixelRatio: ratio });
  };
  put("hatch", hatchTile(ratio));
  put("hatch-lost", lostTile(ratio));
  for (const [kind, mark] of Object.entries(MARKS)) put(`mark-${kind}`, markTile(mark, ratio));
}

class GlEngine {
  constructor(gl, description) {
    this.gl = gl;
    this.description = description;
    this.view = null;
    this.states = new Map();
    this.chosen = null;
    this.over = null;
    this.turned = new Map();
    this.turning = null;
    this.kind = null;
    this.hidden = new Map();
  }

  get feature() {
    return { source: UNITS, sourceLayer: this.view.query.unit.replace(":", "-") };
  }

  paint(view) {
    const fresh = this.view?.query.unit !== view.query.unit;
    this.view = view;
    if (fresh) {
      this.replaceUnits();
      this.states.clear();
      this.turned.clear();
      this.over = null;
    }
    this.recolour(view);
    this.nameUnits(view);
    this.choose(this.chosen);
  }

  /** Give units that are drawn otherwise than before their colour; the others keep what they have. */
  recolour(view) {
    const before = this.states;
    this.states = unitStates(view);
    for (const [id, state] of this.states)
      if (before.get(id) !== state) this.gl.setFeatureState({ ...this.feature, id }, { ...state });
    for (const id of before.keys())
      if (!this.states.has(id)) this.gl.setFeatureState({ ...this.feature, id }, GONE);
  }

  replaceUnits() {
    const { gl } = this;
    const { url } = this.description.layers.find(({ id }) => id === UNITS);
    const { source, under, over } = unitStyle(url, this.view.query.unit, Boolean(this.description.base_map));
    for (const { id } of [...under, ...over]) if (gl.getLayer(id)) gl.removeLayer(id);
    if (gl.getSource(UNITS)) gl.removeSource(UNITS);
    gl.addSource(UNITS, source);
    const above = ["buildings", "boundary"].find((id) => gl.getLayer(id));
    for (const layer of under) gl.addLayer(layer, above);
    for (const layer of over) gl.addLayer(layer, "unit_names");
    for (const [name, visible] of this.hidden) this.toggle(name, visible);
  }

  nameUnits({ query, rows }) {
    const named = /^(communities|neighbourhoods|management)$/.test(query.unit);
    const features = named
      ? rows.id.map((id, i) => ({
          type: "Feature",
          properties: { name: rows.name[i], rank: i },
          geometry: { type: "Point", coordinates: toDisplay(this.description, [rows.lon[i], rows.lat[i]]) },
        }))
      : [];
    this.gl.getSource("unit_names").setData({ type: "FeatureCollection", features });
  }

  setState(id, state) {
    if (id !== null && this.view) this.gl.setFeatureState({ ...this.feature, id }, state);
  }

  turn(units) {
    const { gained, lost } = units;
    this.turning = units;
    const before = this.turned;
    this.turned = new Map([...gained.map((id) => [id, "gained"]), ...lost.map((id) => [id, "lost"])]);
    for (const [id, change] of this.turned) if (before.get(id) !== change) this.setState(id, { change });
    for (const id of before.keys()) if (!this.turned.has(id)) this.setState(id, { change: null });
  }

  choose(id) {
    this.setState(this.chosen, { chosen: false });
    this.chosen = id;
    this.setState(id, { chosen: true });
  }

  point(id) {
    if (id === this.over) return;
    this.setState(this.over, { over: false });
    this.over = id;
    this.setState(id, { over: true });
  }

  pick({ lat, lng }) {
    if (!this.gl.getLayer(PICKED[0])) return null;
    const [found] = this.gl
      .queryRenderedFeatures(this.gl.project(toDisplay(this.description, [lng, lat])), { layers: PICKED })
      .filter(({ state }) => state.token);
    return found ? String(found.id) : null;
  }

  place({ lat, lng }) {
    const { x, y } = this.gl.project(toDisplay(this.description, [lng, lat]));
    const box = [
      [x - REACH_PX, y - REACH_PX],
      [x + REACH_PX, y + REACH_PX],
    ];
    const layers = PLACES.filter((id) => this.gl.getLayer(id));
    const [found] = layers.length ? this.gl.queryRenderedFeatures(box, { layers }) : [];
    return found ? { layer: found.layer.id, code: String(found.id) } : null;
  }

  renew() {
    for (const id of PLACES) if (this.gl.getSource(id)) this.gl.refreshTiles(id);
  }

  facilities(kind) {
    this.kind = kind;
    if (this.gl.getLayer("facilities"))
      this.gl.setFilter("facilities", ["==", ["get", "kind"], kind]);
  }

  toggle(name, visible) {
    this.hidden.set(name, visible);
    for (const id of SWITCHES[name])
      if (this.gl.getLayer(id)) this.gl.setLayoutProperty(id, "visibility", visible ? "visible" : "none");
  }

  sharpen(ratio) {
    this.gl.setPixelRatio(ratio ?? devicePixelRatio);
  }

  restyle() {
    const { gl, view, kind, hidden } = this;
    gl.setStyle(baseStyle(this.description), { diff: false });
    gl.once("style.load", () => {
      addImages(gl);
      this.view = null;
      if (kind) this.facilities(kind);
      if (view) this.paint(view);
      if (view && this.turning) this.turn(this.turning);
      for (const [name, visible] of hidden) this.toggle(name, visible);
    });
  }
}
