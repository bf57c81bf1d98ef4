/** The map's look, in drawing order: outside, land, blocks, cells, buildings, roads, boundaries, facilities, names, selection. */

import { colour, scale } from "./colours.js";

const FONTS = ["Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
const BOLD = ["Noto Sans CJK SC Bold", ...FONTS];
export const POLYGON = ["==", ["geometry-type"], "Polygon"];
export const POINT = ["==", ["geometry-type"], "Point"];
/** Where a subdistrict's name may stand around its middle, in ems. */
const AROUND = [0, 0.9, 1.8, 2.7].flatMap((off) =>
  [
    [0, 1],
    [0, -1],
    [1, 0],
    [-1, 0],
    [1, 1],
    [-1, -1],
    [1, -1],
    [-1, 1],
  ].flatMap(([x, y]) => ["center", [x * off * 1.6, y * off]]),
);
const EMPTY = { type: "FeatureCollection", features: [] };

/** Which style layers each switch of the layer menu turns on and off. */
export const SWITCHES = {
  cells: ["units-fill", "units-hatch", "units-gap", "units-point"],
  communities: ["block", "streets"],
  buildings: ["buildings", "buildings-edge"],
  facilities: ["facilities"],
  mediation_rooms: ["mediation_rooms"],
  boundaries: ["boundary", "subdistrict_names"],
  complaints: ["complaints"],
};

/** By zoom; sizes grow with the screen's scale. */
export function grow(...stops) {
  return ["interpolate", ["linear"], ["zoom"], ...stops.map((value, i) => (i % 2 ? value * scale() : value))];
}

/** A source of vector tiles. */
export function tiles({ url, min_zoom: minzoom }, maxzoom = 15) {
  return {
    type: "vector",
    tiles: [new URL(url, location.href).href.replaceAll("%7B", "{").replaceAll("%7D", "}")],
    minzoom,
    maxzoom,
    promoteId: "id",
  };
}

function shapeOf(layer) {
  return layer ? { type: "Feature", properties: {}, geometry: layer.geometry } : EMPTY;
}

/** Sources and layers that every view shares. */
export function baseStyle(description) {
  const layers = Object.fromEntries(description.layers.map((layer) => [layer.id, layer]));
  const { outline, boundaries, subdistrict_names: names } = layers;
  const sources = {
    boundaries: { type: "geojson", data: shapeOf(boundaries) },
    outline: { type: "geojson", data: shapeOf(outline) },
    subdistrict_names: {
      type: "geojson",
      data: {
        type: "FeatureCollection",
        features: names.places.map(([name, lon, lat]) => ({
          type: "Feature",
          properties: { name },
          geometry: { type: "Point", coordinates: [lon, lat] },
        })),
      },
    },
    unit_names: { type: "geojson", data: EMPTY },
  };
  for (const id of [
    "communities",
    "buildings",
    "subdistricts",
    "complaints",
    "mediation_rooms",
    "facilities",
  ])
    sources[id] = tiles(layers[id]);
  return {
    version: 8,
    sources,
    // Names give way to facilities: what is drawn last is placed first.
    layers: [...ground(Boolean(outline)), ...overCells(), ...labels(), ...marks(layers)],
  };
}

function ground(outlined) {
  return [
    { id: "outside", type: "background", paint: { "background-color": colour("outside") } },
    outlined
      ? { id: "land", type: "fill", source: "outline", paint: { "fill-color": colour("land") } }
      : {
          id: "land",
          type: "fill",
          source: "subdistricts",
          "source-layer": "subdistricts",
          paint: { "fill-color": colour("land") },
        },
    {
      id: "block",
      type: "fill",
      source: "communities",
      "source-layer": "communities",
      filter: POLYGON,
      paint: { "fill-color": colour("block") },
    },
  ];
}

function overCells() {
  const streets = { type: "line", source: "communities", "source-layer": "communities", filter: POLYGON };
  return [
    {
      id: "buildings",
      type: "fill",
      source: "buildings",
      "source-layer": "buildings",
      minzoom: 14,
      filter: POLYGON,
      paint: {
        "fill-color": colour("building"),
        "fill-opacity": ["interpolate", ["linear"], ["zoom"], 14, 0, 15, 0.55],
      },
    },
    {
      id: "buildings-edge",
      type: "line",
      source: "buildings",
      "source-layer": "buildings",
      minzoom: 15,
      filter: POLYGON,
      paint: {
        "line-color": colour("building-edge"),
        "line-width": grow(15, 0.4, 18, 1),
        "line-opacity": 0.8,
      },
    },
    {
      id: "streets",
      ...streets,
      paint: {
        "line-color": colour("road"),
        "line-width": grow(11, 0.25, 13, 0.6, 16, 1.2),
        "line-opacity": ["interpolate", ["linear"], ["zoom"], 11, 0.3, 13, 0.4, 16, 0.7],
      },
    },
    {
      id: "boundary",
      type: "line",
      source: "boundaries",
      layout: { "line-join": "round" },
      paint: {
        "line-color": colour("boundary"),
        "line-width": grow(11, 1, 15, 1.6),
        "line-dasharray": [1.5, 2],
      },
    },
    {
      id: "outline",
      type: "line",
      source: "outline",
      layout: { "line-join": "round" },
      paint: { "line-color": colour("boundary"), "line-width": grow(11, 1.4, 15, 2) },
    },
  ];
}

function marks(layers) {
  const visible = (id) => (layers[id].show ? "visible" : "none");
  const point = (id, image, size) => ({
    id,
    type: "symbol",
    source: id,
    "source-layer": id,
    layout: {
      visibility: visible(id),
      "icon-image": image,
      "icon-size": grow(...size),
      "icon-allow-overlap": true,
    },
  });
  return [
    {
      id: "complaints",
      type: "circle",
      source: "complaints",
      "source-layer": "complaints",
      layout: { visibility: visible("complaints") },
      paint: {
        "circle-radius": grow(13, 1.2, 17, 3.4),
        "circle-color": colour("bad"),
        "circle-opacity": 0.55,
      },
    },
    point("mediation_rooms", "mark-mediation_rooms", [11, 0.4, 13, 0.62, 16, 1]),
    point("facilities", ["concat", "mark-", ["get", "kind"]], [10.5, 0.42, 12.5, 0.62, 15, 1]),
  ];
}

function labels() {
  const paint = {
    "text-color": colour("ink"),
    "text-halo-color": colour("label-halo"),
    "text-halo-width": 1.8 * scale(),
  };
  return [
    {
      id: "unit_names",
      type: "symbol",
      source: "unit_names",
      minzoom: 15.2,
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONTS,
        "text-size": grow(15, 11, 18, 14),
        "text-max-width": 8,
        "symbol-sort-key": ["get", "rank"],
      },
      paint,
    },
    {
      id: "subdistrict_names",
      type: "symbol",
      source: "subdistrict_names",
      maxzoom: 16.5,
      layout: {
        "text-field": ["get", "name"],
        "text-font": BOLD,
        "text-size": grow(10.5, 11, 13, 14, 15, 17),
        "text-letter-spacing": 0.12,
        "text-variable-anchor-offset": AROUND,
      },
      paint,
    },
  ];
}
