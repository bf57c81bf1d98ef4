/** Without WebGL 2: the same tiles drawn on canvases by protomaps-leaflet. Slower to repaint, otherwise the same engine. */

import * as L from "leaflet";
import { el } from "../dom.js";
import { MARKS } from "../shapes.js";
import { ImageSymbolizer, POINT, POLYGON, area, loadProtomaps, ofKind, rule } from "./canvas_symbols.js";
import { OVER_BASE, colour, hatchTile, lostTile, markTile, scale } from "./colours.js";
import { toDisplay } from "./datum.js";
import { MOST_AT_ONCE, nearestUnit, placesOf, unitsIn } from "./in_sight.js";
import { LostTiles } from "./lost_tiles.js";
import { imageOf, turnedOf } from "./overview.js";
import { unitStates } from "./states.js";
import { tileSource } from "./tile_source.js";

const MAX_DATA_ZOOM = 15;
const UNITS = "units";
/** Layers of tiles besides the units; of these, what lies beneath the units. */
const TILES = ["backdrop", "communities", "buildings", "complaints", "mediation_rooms", "facilities"];
const UNDER = ["backdrop", "communities"];
/** What a click finds besides units, and within how many pixels. */
const PLACES = ["facilities", "mediation_rooms"];
const REACH_PX = 10;
/** protomaps-leaflet counts a reach in halves of the map's pixels: its tiles are twice as large as the map's. */
const REACH = 2 * REACH_PX;
/** How strongly units are drawn that do not meet the conditions. */
const GROUND = 0.35;
/** What is drawn one over the other, from below; the tiles over all of it are Leaflet's own pane, the 200th. */
const PANES = { ground: 150, under: 160, overview: 170 };

/** Put the canvas layers on a Leaflet map. @returns {Promise<import("./gl.js").Engine>} */
export async function createEngine(map, description) {
  await loadProtomaps();
  return new CanvasEngine(map, description);
}

class CanvasEngine {
  constructor(map, description) {
    this.map = map;
    this.description = description;
    this.described = Object.fromEntries(description.layers.map((layer) => [layer.id, layer]));
    this.shown = Object.fromEntries(description.layers.map(({ id, show }) => [id, show]));
    this.states = new Map();
    this.view = null;
    this.chosen = null;
    this.turned = new Map();
    this.awaiting = false;
    /** Where the units are, if they are too many for all of them to be drawn; and whether too many are in sight. */
    this.places = null;
    this.afar = false;
    this.missing = new LostTiles(map.getContainer(), () => this.refresh());
    for (const [name, height] of Object.entries(PANES)) map.createPane(name).style.setProperty("z-index", height);
    map.on("moveend", () => this.places && this.afar !== this.isAfar() && this.refresh());
    this.restyle();
  }

  expect() {
    this.awaiting = true;
    this.tell();
  }

  /** Say whether something is still to be drawn. */
  tell() {
    const drawing = [this.layer, this.under].some((layer) => layer?.drawing.size > 0);
    const busy = this.awaiting || this.pending || drawing || this.base?.isLoading();
    if (!busy) this.missing.settled();
    this.map.getContainer().setAttribute("aria-busy", String(Boolean(busy)));
  }

  /** Take the theme's colours and the base map that is described: shapes, images and rules anew. */
  restyle() {
    this.hatch = hatchTile(Math.ceil(devicePixelRatio));
    this.lost = lostTile(Math.ceil(devicePixelRatio));
    this.marks = Object.fromEntries(Object.entries(MARKS).map(([kind, mark]) => [kind, markTile(mark, 2)]));
    this.map.getContainer().style.setProperty("background-color", colour("outside"));
    const { base_map: base } = this.description;
    this.base?.remove();
    this.base = base && L.tileLayer(base.url, { pane: "ground", maxNativeZoom: base.max_zoom });
    this.base?.on("loading load", () => this.tell()).addTo(this.map);
    for (const shape of this.shapes ?? []) shape.remove();
    this.shapes = this.drawShapes();
    this.refresh();
  }

  drawShapes() {
    const { outline, boundaries, subdistrict_names: names } = this.described;
    const shape = (layer, style) => L.geoJSON(layer.geometry, { interactive: false, style: () => style });
    const line = { fill: false, color: colour("boundary"), weight: 1.2 * scale() };
    const label = ([text, lon, lat]) =>
      L.marker([lat, lon], {
        interactive: false,
        keyboard: false,
        icon: L.divIcon({ className: "map-name", html: el("span", { text }), iconSize: [0, 0] }),
      });
    const bare = !this.description.base_map;
    return [
      bare && outline && shape(outline, { pane: "ground", stroke: false, fillColor: colour("land"), fillOpacity: 1 }),
      outline && shape(outline, line),
      boundaries && shape(boundaries, { ...line, dashArray: "2 3" }),
      ...names.places.map(label),
    ]
      .filter(Boolean)
      .map((layer) => layer.addTo(this.map));
  }

  /** Several changes in a row draw once. */
  refresh() {
    this.pending ??= Promise.resolve().then(() => {
      this.pending = null;
      this.draw();
      this.tell();
    });
    this.tell();
  }

  /** Whether units too many to be told apart are in sight. */
  isAfar() {
    const bounds = this.map.getBounds();
    const [west, south, east, north] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    return Boolean(this.places) && !unitsIn(this.places, { west, south, east, north });
  }

  draw() {
    this.afar = this.isAfar();
    this.drawOverview();
    const unit = this.afar ? null : (this.view?.query.unit.replace(":", "-") ?? null);
    if (!this.layer || this.unit !== unit) {
      this.layer?.remove();
      this.unit = unit;
      this.layer = this.createLayer(TILES, unit);
    }
    // What lies beneath the units lies beneath the image that stands for them, too.
    if (this.afar) this.under ??= this.createLayer(UNDER, null, { pane: "under" });
    else {
      this.under?.remove();
      this.under = null;
    }
    this.repaint(this.layer, [...(this.afar ? [] : this.groundRules()), ...this.rules()]);
    if (this.under) this.repaint(this.under, this.groundRules());
  }

  repaint(layer, rules) {
    const isThere = ({ dataSource }) => dataSource === UNITS || dataSource in this.described;
    layer.paintRules = rules.filter((made) => made && isThere(made));
    layer.rerenderTiles();
  }

  /** Stand in for units too many to be told apart: an image with a pixel for each. */
  drawOverview() {
    this.overview?.remove();
    this.overview = null;
    if (!this.afar || this.shown.cells === false) return;
    const place = (at) => toDisplay(this.description, at);
    const { canvas, coordinates } = imageOf(this.places, this.states, this.view.query.unit, place, this.turned);
    const { crs } = this.map.options;
    // Its corners are told as they are drawn; Leaflet takes them as they are stored.
    const stored = ([lng, lat]) => crs.projection.unproject(L.CRS.EPSG3857.project(L.latLng(lat, lng)));
    const corners = L.latLngBounds(stored(coordinates[0]), stored(coordinates[2]));
    canvas.classList.add("map-overview");
    const opacity = this.description.base_map ? OVER_BASE : 1;
    this.overview = L.svgOverlay(canvas, corners, { pane: "overview", opacity }).addTo(this.map);
  }

  createLayer(ids, unit, options = {}) {
    const from = (url) => ({ url: tileSource(url, this.missing), maxDataZoom: MAX_DATA_ZOOM });
    const sources = {};
    for (const id of ids) if (this.described[id]) sources[id] = from(this.described[id].url);
    if (unit) sources[UNITS] = from(this.described.units.url.replace("{unit}", unit));
    const layer = window.protomapsL.leafletLayer({
      sources,
      paintRules: [],
      labelRules: [],
      attribution: "",
      ...options,
    });
    this.watch(layer);
    return layer.addTo(this.map);
  }

  /** Count a layer's tiles while they are drawn: drawing one anew is no event, and a tile of another zoom is left. */
  watch(layer) {
    const drawing = new Set();
    layer.drawing = drawing;
    const render = layer.renderTile.bind(layer);
    layer.renderTile = (...tile) => {
      const drawn = render(...tile).finally(() => {
        drawing.delete(drawn);
        this.tell();
      });
      drawing.add(drawn);
      this.tell();
      return drawn;
    };
  }

  /** Whether a switch of the layer menu is on; what an operator's base map shows itself is not drawn. */
  on(name) {
    return (name !== "backdrop" || !this.description.base_map) && (this.shown[name] ?? true);
  }

  /** What lies beneath the units. */
  groundRules() {
    return [
      this.on("backdrop") && rule("backdrop", area("green", 1), ofKind("green")),
      this.on("backdrop") && rule("backdrop", area("water", 1), ofKind("water")),
      !this.description.base_map && rule("communities", area("block", 1)),
    ];
  }

  /** The units and what stands on them. */
  rules() {
    const { LineSymbolizer, CircleSymbolizer } = window.protomapsL;
    const on = (name) => this.on(name);
    const dot = new CircleSymbolizer({ radius: 2 * scale(), fill: colour("bad"), opacity: 0.6 });
    const street = new LineSymbolizer({ color: colour("road"), width: 0.7 * scale() });
    const facility = new ImageSymbolizer(({ props }) =>
      props.kind === this.kind ? this.marks[props.kind] : null,
    );
    return [
      ...(this.unit && on("cells") ? this.unitRules() : []),
      on("buildings") && rule("buildings", area("building", 0.3), { minzoom: 15 }),
      on("communities") && rule("communities", street),
      on("backdrop") && rule("backdrop", area("road", 1), ofKind("road")),
      ...(this.unit && on("cells") ? [this.openRule()] : []),
      ...(this.unit && this.turned.size ? this.turnRules() : []),
      ...(this.unit ? this.choiceRules() : []),
      on("complaints") && rule("complaints", dot, { minzoom: 13 }),
      on("mediation_rooms") && rule("mediation_rooms", new ImageSymbolizer(() => this.marks.mediation_rooms)),
      on("facilities") && rule("facilities", facility),
    ];
  }

  unitRules() {
    const { PolygonSymbolizer, CircleSymbolizer } = window.protomapsL;
    const stateOf = (feature) => this.states.get(String(feature.props.id)) ?? {};
    const tokens = new Set([...this.states.values()].map(({ token }) => token).filter(Boolean));
    const colours = Object.fromEntries(
      [...tokens].map((token) => [token, colour(token === "hatch" ? "hatch-bg" : token)]),
    );
    const fill = (_, feature) => colours[stateOf(feature).token];
    const painted = ({ token }) => token && token !== "hatch" && token !== "land";
    const rule = (type, symbolizer, filter) => ({
      dataSource: UNITS,
      dataLayer: this.unit,
      symbolizer,
      filter: (_, feature) => feature.geomType === type && filter(stateOf(feature)),
    });
    const strength = this.description.base_map ? OVER_BASE : 1;
    const area = (part) =>
      new PolygonSymbolizer({ fill, opacity: part * strength, stroke: colour("land"), width: 0.5 });
    return [
      rule(POLYGON, area(GROUND), (state) => painted(state) && state.ground),
      rule(POLYGON, area(1), (state) => painted(state) && !state.ground),
      rule(POLYGON, new PolygonSymbolizer({ pattern: this.hatch, opacity: GROUND }), ({ token, ground }) =>
        Boolean(token === "hatch" && ground),
      ),
      rule(POLYGON, new PolygonSymbolizer({ pattern: this.hatch }), ({ token, ground }) =>
        Boolean(token === "hatch" && !ground),
      ),
      rule(
        POINT,
        new CircleSymbolizer({ radius: 4 * scale(), fill, stroke: colour("hatch"), width: 1 }),
        ({ token }) => Boolean(token),
      ),
    ];
  }

  /** Units of which it cannot be told whether they meet the conditions: dashed, over the streets. */
  openRule() {
    const { LineSymbolizer } = window.protomapsL;
    return {
      dataSource: UNITS,
      dataLayer: this.unit,
      symbolizer: new LineSymbolizer({ color: colour("ink"), width: 1.4 * scale(), dash: [4, 3] }),
      filter: (_, { geomType, props }) =>
        geomType === POLYGON && Boolean(this.states.get(String(props.id))?.open),
    };
  }

  /** What a supposition changes: outlined where more are covered, dashed where that cannot be told, hatched where fewer are. */
  turnRules() {
    const { LineSymbolizer, PolygonSymbolizer } = window.protomapsL;
    const line = { color: colour("selection"), width: 1.8 * scale() };
    const rule = (symbolizer, change) => ({
      dataSource: UNITS,
      dataLayer: this.unit,
      symbolizer,
      filter: (_, { geomType, props }) =>
        geomType === POLYGON && this.turned.get(String(props.id)) === change,
    });
    return [
      rule(new PolygonSymbolizer({ pattern: this.lost }), "lost"),
      rule(new LineSymbolizer({ ...line, dash: [3 * scale(), 3 * scale()] }), "open"),
      rule(new LineSymbolizer(line), "gained"),
    ];
  }

  choiceRules() {
    const { LineSymbolizer, CircleSymbolizer } = window.protomapsL;
    const chosen =
      (type) =>
      (_, { geomType, props }) =>
        geomType === type && String(props.id) === this.chosen;
    const line = (token, width) => new LineSymbolizer({ color: colour(token), width: width * scale() });
    const rule = (symbolizer, type) => ({
      dataSource: UNITS,
      dataLayer: this.unit,
      symbolizer,
      filter: chosen(type),
    });
    return [
      rule(line("label-halo", 6), POLYGON),
      rule(line("selection", 2.5), POLYGON),
      rule(new CircleSymbolizer({ radius: 5 * scale(), fill: colour("selection") }), POINT),
    ];
  }

  paint(view) {
    this.awaiting = false;
    this.view = view;
    this.states = unitStates(view);
    this.places = this.states.size > MOST_AT_ONCE ? placesOf(view) : null;
    this.refresh();
  }

  turn(units) {
    const turned = turnedOf(units);
    if (!turned.size && !this.turned.size) return;
    this.turned = turned;
    this.refresh();
  }

  choose(id) {
    this.chosen = id;
    this.refresh();
  }

  point() {
    // Redrawing all tiles for every move of the pointer would be slower than the pointer.
  }

  sharpen() {
    // Its tiles are drawn in the screen's own resolution.
  }

  again() {
    this.missing.clear();
    this.refresh();
  }

  pick({ lat, lng }) {
    if (this.afar) return this.nearest([lng, lat]);
    const found = this.layer?.queryTileFeaturesDebug(...toDisplay(this.description, [lng, lat])).get(UNITS) ?? [];
    const ids = found.map(({ feature }) => String(feature.props.id));
    return ids.find((id) => this.states.has(id)) ?? null;
  }

  nearest(at) {
    if (this.shown.cells === false) return null;
    const bounds = this.map.getBounds();
    const degreesPerPixel = (bounds.getNorth() - bounds.getSouth()) / this.map.getSize().y;
    return nearestUnit(this.places, at, REACH_PX * degreesPerPixel);
  }

  place({ lat, lng }) {
    const found = this.layer?.queryTileFeaturesDebug(...toDisplay(this.description, [lng, lat]), REACH);
    for (const layer of PLACES) {
      if (!found || !(this.shown[layer] ?? true)) continue;
      const drawn = ({ feature: { props } }) => layer !== "facilities" || props.kind === this.kind;
      const one = found.get(layer)?.find(drawn);
      if (one) return { layer, code: String(one.feature.props.id) };
    }
    return null;
  }

  facilities(kind) {
    this.kind = kind;
    this.refresh();
  }

  toggle(name, visible) {
    this.shown[name] = visible;
    this.refresh();
  }
}
