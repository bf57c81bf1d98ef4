/** Without WebGL 2: the same tiles drawn on canvases by protomaps-leaflet. Slower to repaint, otherwise the same engine. */

import * as L from "leaflet";
import { byId, el } from "../dom.js";
import { MARKS } from "../shapes.js";
import { classTokens, colour, hatchTile, markTile, scale } from "./colours.js";

const MAX_DATA_ZOOM = 15;

/** Put the canvas layers on a Leaflet map. @returns {Promise<import("./gl.js").Engine>} */
export async function createEngine(map, description) {
  await loadProtomaps();
  return new CanvasEngine(map, description);
}

/** The package is a classic script that looks for Leaflet in the window. */
function loadProtomaps() {
  window.L = L;
  const { protomaps } = byId("page-data").dataset;
  return new Promise((resolve, reject) => {
    document.head.append(
      el("script", {
        src: protomaps,
        on: { load: resolve, error: () => reject(new Error("protomaps-leaflet did not load")) },
      }),
    );
  });
}

/** Draws an image at a point: protomaps' own icons want a sprite sheet. */
class ImageSymbolizer {
  constructor(imageOf) {
    this.imageOf = imageOf;
  }

  draw(pen, geometry, zoom, feature) {
    const image = this.imageOf(feature);
    if (!image) return;
    const size = 20 * scale() * Math.min(1, Math.max(0.42, (zoom - 8) / 7));
    for (const ring of geometry)
      for (const { x, y } of ring) pen.drawImage(image, x - size / 2, y - size / 2, size, size);
  }
}

class CanvasEngine {
  constructor(map, description) {
    this.map = map;
    this.layers = Object.fromEntries(description.layers.map((layer) => [layer.id, layer]));
    this.off = new Set(
      Object.values(this.layers)
        .filter(({ show }) => !show)
        .map(({ id }) => id),
    );
    this.classes = new Map();
    this.chosen = null;
    this.restyle();
  }

  /** Colours and images of the theme, then every layer anew. */
  restyle() {
    const ratio = Math.ceil(devicePixelRatio);
    this.hatch = hatchTile(ratio);
    this.marks = Object.fromEntries(Object.entries(MARKS).map(([kind, mark]) => [kind, markTile(mark, 2)]));
    this.map.getContainer().style.setProperty("background-color", colour("outside"));
    this.rebuild();
  }

  rebuild() {
    const view = this.view;
    for (const layer of this.drawn ?? []) layer.remove();
    const { PolygonSymbolizer, LineSymbolizer, CircleSymbolizer } = window.protomapsL;
    const area = (options) => new PolygonSymbolizer({ per_feature: true, ...options });
    const line = (token, width, more = {}) =>
      new LineSymbolizer({ color: colour(token), width: width * scale(), ...more });
    const on = (name) => !this.off.has(name);
    const units = view ? this.unitRules(area, CircleSymbolizer) : [];
    this.units = view
      ? this.add(
          this.layers.units.url.replace("{unit}", view.query.unit.replace(":", "-")),
          view.query.unit.replace(":", "-"),
          units,
        )
      : null;
    this.drawn = [
      this.add(this.layers.subdistricts.url, "subdistricts", [
        { symbolizer: area({ fill: colour("land") }) },
      ]),
      this.units,
      on("buildings") &&
        this.add(this.layers.buildings.url, "buildings", [
          { symbolizer: area({ fill: colour("building"), opacity: 0.55 }), minzoom: 14 },
        ]),
      on("communities") &&
        this.add(this.layers.communities.url, "communities", [{ symbolizer: line("road", 0.8) }]),
      on("boundaries") &&
        this.add(this.layers.subdistricts.url, "subdistricts", [
          { symbolizer: line("boundary", 1.2, { dash: [2, 3] }) },
        ]),
      on("complaints") &&
        this.add(this.layers.complaints.url, "complaints", [
          { symbolizer: new CircleSymbolizer({ radius: 2, fill: colour("bad"), opacity: 0.6 }), minzoom: 13 },
        ]),
      on("mediation_rooms") &&
        this.add(this.layers.mediation_rooms.url, "mediation_rooms", [
          { symbolizer: new ImageSymbolizer(() => this.marks.mediation_rooms) },
        ]),
      on("facilities") &&
        this.add(this.layers.facilities.url, "facilities", [
          {
            symbolizer: new ImageSymbolizer(({ props }) =>
              props.kind === this.kind ? this.marks[props.kind] : null,
            ),
          },
        ]),
    ].filter(Boolean);
  }

  unitRules(area, CircleSymbolizer) {
    const tokens = classTokens(this.view);
    const colours = Object.fromEntries(
      Object.values(tokens)
        .filter((token) => token !== "hatch")
        .map((token) => [token, colour(token)]),
    );
    const tokenOf = (feature) => tokens[this.classes.get(String(feature.props.id))];
    const polygon = 3;
    const filled = (_, feature) =>
      feature.geomType === polygon &&
      tokenOf(feature) &&
      tokenOf(feature) !== "hatch" &&
      !this.off.has("cells");
    const hatched = (_, feature) =>
      feature.geomType === polygon && tokenOf(feature) === "hatch" && !this.off.has("cells");
    const isChosen = (_, feature) => feature.geomType === polygon && String(feature.props.id) === this.chosen;
    return [
      {
        symbolizer: area({
          fill: (_, feature) => colours[tokenOf(feature)] ?? "transparent",
          stroke: colour("road"),
          width: 0.5,
        }),
        filter: filled,
      },
      { symbolizer: area({ pattern: this.hatch }), filter: hatched },
      {
        symbolizer: new CircleSymbolizer({
          radius: 4 * scale(),
          fill: (_, feature) => colours[tokenOf(feature)] ?? colour("hatch-bg"),
          stroke: colour("hatch"),
          width: 1,
        }),
        filter: (_, feature) => feature.geomType === 1 && Boolean(tokenOf(feature)),
      },
      {
        symbolizer: area({ fill: "transparent", stroke: colour("selection"), width: 2.5 * scale() }),
        filter: isChosen,
      },
    ];
  }

  add(url, dataLayer, rules) {
    return window.protomapsL
      .leafletLayer({
        url,
        maxDataZoom: MAX_DATA_ZOOM,
        paintRules: rules.map((rule) => ({ dataLayer, ...rule })),
        labelRules: [],
        noWrap: true,
      })
      .addTo(this.map);
  }

  paint(view) {
    const { id: ids, class: classes } = view.rows;
    this.view = view;
    this.classes = new Map(ids.map((id, i) => [id, classes[i]]));
    this.rebuild();
  }

  choose(id) {
    this.chosen = id;
    this.units?.rerenderTiles();
  }

  point() {
    // Redrawing all tiles for every move of the pointer would be slower than the pointer.
  }

  pick({ lat, lng }) {
    for (const found of this.units?.queryTileFeaturesDebug(lng, lat).values() ?? []) {
      for (const { feature } of found)
        if (this.classes.has(String(feature.props.id))) return String(feature.props.id);
    }
    return null;
  }

  facilities(kind) {
    this.kind = kind;
  }

  toggle(name, visible) {
    if (visible) this.off.delete(name);
    else this.off.add(name);
    this.rebuild();
  }
}
