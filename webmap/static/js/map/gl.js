/** MapLibre inside Leaflet: classes are feature states, so that a new view repaints and fetches nothing. */

import { MaplibreGL } from "@maplibre/maplibre-gl-leaflet";
import { MARKS } from "../shapes.js";
import { OVER_BASE, hatchTile, lostTile, markTile } from "./colours.js";
import { followInDisplay } from "./crs.js";
import { toDisplay } from "./datum.js";
import { MOST_AT_ONCE, nearestUnit, placesOf, unitsIn } from "./in_sight.js";
import { imageOf, turnedOf } from "./overview.js";
import { unitStates } from "./states.js";
import { SWITCHES, baseStyle } from "./style.js";
import { askAgain, retryTiles } from "./tile_retry.js";
import { unitStyle } from "./unit_style.js";

const PICKED = ["units-fill", "units-point"];
const PLACES = ["facilities", "mediation_rooms"];
const REACH_PX = 10;
const UNITS = "units";
const OVERVIEW = "overview";
const GONE = { token: null, ground: false, open: false };
/** States stay with a source once they were given: with so many it is made anew. */
const MOST_GIVEN = 2 * MOST_AT_ONCE;

/**
 * @typedef {object} Engine
 * @property {() => void} [expect] a view is about to be painted: until it is, the map is not complete
 * @property {(view: object) => void} paint show a view's classes
 * @property {(id: string|null) => void} choose mark one unit
 * @property {(id: string|null) => void} point mark the unit under the pointer
 * @property {(units: {gained: string[], lost: string[], open?: string[]}) => void} turn mark the units that a supposition changes
 * @property {(latlng: object) => string|null} pick the unit at a position
 * @property {(latlng: object) => {layer: string, code: string}|null} [place] the facility or room at a position
 * @property {() => void} [renew] fetch places again: one has been moved
 * @property {() => void} again ask for the tiles that were given up
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
    // Leaflet tells of a new size, when the page has answered; watched by itself the map would draw before that.
    trackResize: false,
    // Printing reads the canvas after the frame is done.
    canvasContextAttributes: { preserveDrawingBuffer: true },
    localIdeographFontFamily: false,
    validateStyle: false,
    padding: 0.1,
  });
  layer.addTo(map);
  const gl = layer.getMaplibreMap();
  // The layer gives its box the new size in the next frame.
  map.on("resize", () => requestAnimationFrame(() => gl.resize()));
  followInDisplay(gl, map, description);
  addImages(gl);
  const busy = (is) => map.getContainer().setAttribute("aria-busy", String(is));
  const lacking = retryTiles(gl);
  let engine = null;
  gl.on("movestart", () => busy(true));
  gl.on("dataloading", () => busy(true));
  gl.on("idle", () => busy(lacking() || Boolean(engine?.awaiting || engine?.restyling)));
  await gl.once("load");
  engine = new GlEngine(gl, description, busy);
  return engine;
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

/** Whether a unit that is drawn so looks like one without a state. */
function isBare({ token, open }) {
  return (!token || token === "land") && !open;
}

class GlEngine {
  constructor(gl, description, busy) {
    this.gl = gl;
    this.description = description;
    this.busy = busy;
    this.awaiting = false;
    /** Whether a style is under way: until it is there nothing can be drawn, only kept in mind. */
    this.restyling = false;
    this.view = null;
    this.states = new Map();
    /** What states the units have been given. */
    this.given = new Map();
    /** Where the units are, if they are too many for each to have its state. */
    this.places = null;
    this.afar = false;
    this.chosen = null;
    this.over = null;
    this.turned = new Map();
    this.turning = null;
    this.unitLayers = [];
    this.kind = null;
    this.hidden = new Map();
    gl.on("moveend", () => this.places && this.recolour());
  }

  get feature() {
    return { source: UNITS, sourceLayer: this.view.query.unit.replace(":", "-") };
  }

  expect() {
    this.awaiting = true;
    this.busy(true);
  }

  paint(view) {
    if (this.restyling) {
      this.view = view;
      return;
    }
    this.awaiting = false;
    const fresh = this.view?.query.unit !== view.query.unit;
    this.view = view;
    this.states = unitStates(view);
    this.places = this.states.size > MOST_AT_ONCE ? placesOf(view) : null;
    if (fresh) {
      this.turned.clear();
      this.over = null;
      this.replaceUnits();
    }
    this.drawOverview();
    this.recolour();
    this.nameUnits(view);
    this.choose(this.chosen);
    // It is the next picture that tells that all is there, where nothing has changed as well.
    this.busy(true);
    this.gl.triggerRepaint();
  }

  /** Give units that are drawn otherwise than before their colour; the others keep what they have. */
  recolour() {
    if (this.restyling) return;
    const wanted = this.places ? unitsIn(this.places, this.boundsInSight()) : this.states.keys();
    this.afar = !wanted;
    for (const id of [OVERVIEW, ...this.unitLayers]) this.showLayer(id);
    if (!wanted) return;
    if (this.places && this.given.size + wanted.length > MOST_GIVEN) this.replaceUnits();
    const { given, states } = this;
    for (const id of wanted) {
      const state = states.get(id);
      if (given.get(id) === state || (!given.has(id) && isBare(state))) continue;
      given.set(id, state);
      this.setState(id, { ...state });
    }
    for (const [id, state] of given) {
      const now = states.get(id);
      if (now === state) continue;
      this.setState(id, now ? { ...now } : GONE);
      if (now) given.set(id, now);
      else given.delete(id);
    }
  }

  /** Stand in for units too many to be told apart. */
  drawOverview() {
    const { gl } = this;
    if (gl.getLayer(OVERVIEW)) gl.removeLayer(OVERVIEW);
    if (gl.getSource(OVERVIEW)) gl.removeSource(OVERVIEW);
    const place = (at) => toDisplay(this.description, at);
    const image = this.places && imageOf(this.places, this.states, this.view.query.unit, place, this.turned);
    if (!image) return;
    gl.addSource(OVERVIEW, { type: "canvas", animate: false, ...image });
    const paint = {
      "raster-resampling": "nearest",
      "raster-fade-duration": 0,
      "raster-opacity": this.description.base_map ? OVER_BASE : 1,
    };
    gl.addLayer({ id: OVERVIEW, type: "raster", source: OVERVIEW, paint }, this.above);
  }

  /** What is in sight, EPSG:4490. */
  boundsInSight() {
    const [west, south, east, north] = this.gl.getBounds().toArray().flat();
    const [dx, dy] = toDisplay(this.description, [west, south]).map((to, i) => to - [west, south][i]);
    return { west: west - dx, south: south - dy, east: east - dx, north: north - dy };
  }

  /** The layer that units are drawn beneath. */
  get above() {
    return ["buildings", "boundary"].find((id) => this.gl.getLayer(id));
  }

  replaceUnits() {
    const { gl } = this;
    const { url } = this.description.layers.find(({ id }) => id === UNITS);
    const { source, under, over } = unitStyle(url, this.view.query.unit, Boolean(this.description.base_map));
    this.unitLayers = [...under, ...over].map(({ id }) => id);
    this.given.clear();
    for (const id of this.unitLayers) if (gl.getLayer(id)) gl.removeLayer(id);
    if (gl.getSource(UNITS)) gl.removeSource(UNITS);
    gl.addSource(UNITS, source);
    const { above } = this;
    for (const layer of under) gl.addLayer(layer, above);
    for (const layer of over) gl.addLayer(layer, "unit_names");
    for (const [name, visible] of this.hidden) this.toggle(name, visible);
    // A source that is new knows no states.
    for (const [id, change] of this.turned) this.setState(id, { change });
    this.setState(this.chosen, { chosen: true });
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
    if (id !== null && this.view && !this.restyling) this.gl.setFeatureState({ ...this.feature, id }, state);
  }

  turn(units) {
    this.turning = units;
    if (this.restyling) return;
    const before = this.turned;
    this.turned = turnedOf(units);
    for (const [id, change] of this.turned) if (before.get(id) !== change) this.setState(id, { change });
    for (const id of before.keys()) if (!this.turned.has(id)) this.setState(id, { change: null });
    if (!this.places || !(before.size || this.turned.size)) return;
    this.drawOverview();
    this.showLayer(OVERVIEW);
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
    if (!this.gl.getLayer(PICKED[0]) || this.hidden.get("cells") === false) return null;
    if (this.afar) return nearestUnit(this.places, [lng, lat], REACH_PX * this.degreesPerPixel());
    return (
      this.gl
        .queryRenderedFeatures(this.gl.project(toDisplay(this.description, [lng, lat])), { layers: PICKED })
        .map(({ id }) => String(id))
        .find((id) => this.states.get(id)?.token) ?? null
    );
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

  again() {
    askAgain(this.gl);
  }

  facilities(kind) {
    this.kind = kind;
    if (this.gl.getLayer("facilities"))
      this.gl.setFilter("facilities", ["==", ["get", "kind"], kind]);
  }

  degreesPerPixel() {
    const bounds = this.gl.getBounds();
    return (bounds.getNorth() - bounds.getSouth()) / this.gl.getContainer().clientHeight;
  }

  toggle(name, visible) {
    this.hidden.set(name, visible);
    for (const id of SWITCHES[name]) this.showLayer(id);
    if (name === "cells") this.showLayer(OVERVIEW);
  }

  /** Show a layer or hide it: as the layer menu says, and units as pixels or as themselves. */
  showLayer(id) {
    if (!this.gl.getLayer(id)) return;
    const switched = id === OVERVIEW ? "cells" : Object.keys(SWITCHES).find((name) => SWITCHES[name].includes(id));
    const wanted = this.hidden.get(switched) ?? true;
    const shown = id === OVERVIEW ? this.afar : !(this.afar && this.unitLayers.includes(id));
    const visibility = wanted && shown ? "visible" : "none";
    if (this.gl.getLayoutProperty(id, "visibility") !== visibility)
      this.gl.setLayoutProperty(id, "visibility", visibility);
  }

  sharpen(ratio) {
    this.gl.setPixelRatio(ratio ?? devicePixelRatio);
  }

  restyle() {
    const { gl, hidden } = this;
    gl.setStyle(baseStyle(this.description), { diff: false });
    // The style that is under way gives way to this one and is never there.
    if (this.restyling) return;
    this.restyling = true;
    this.busy(true);
    gl.once("style.load", () => {
      const { view, kind } = this;
      this.restyling = false;
      addImages(gl);
      this.view = null;
      if (kind) this.facilities(kind);
      if (view) this.paint(view);
      if (view && this.turning) this.turn(this.turning);
      for (const [name, visible] of hidden) this.toggle(name, visible);
    });
  }
}
