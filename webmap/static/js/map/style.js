/** The map's look, in drawing order: outside, land, blocks, cells, buildings, roads, boundaries, facilities, names, selection. */

import { colour, scale } from "./colours.js";
import { layerToDisplay } from "./datum.js";

const FONTS = ["Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
const SERIF = ["Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", ...FONTS];
const SERIF_SLANTED = ["Noto Serif CJK SC Italic", ...SERIF];
const BOLD = ["Noto Sans CJK SC Bold", ...FONTS];
export const POLYGON = ["==", ["geometry-type"], "Polygon"];
export const POINT = ["==", ["geometry-type"], "Point"];
/** Where a subdistrict's name may stand around its middle, in ems: farther away it would be taken for a neighbour's. */
const AROUND = [0, 0.5, 1, 1.5].flatMap((off) =>
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
/** MapLibre's zoom from which names of subdistricts give way to marks; from afar they stand over them, in the middle. */
const GIVE_WAY = 12.5;
const NAMES = ["subdistrict_names", "water_names", "green_names"];
/** What an operator's own base map shows itself. */
const ON_BASE_MAPS = new Set([
  ...["land", "green", "water", "block", "roads", "roads-edge", "streets"],
  ...["water_names", "green_names"],
]);
const EMPTY = { type: "FeatureCollection", features: [] };

/** Which style layers each switch of the layer menu turns on and off. */
export const SWITCHES = {
  cells: ["units-fill", "units-hatch", "units-gap", "units-point", "units-open"],
  communities: ["block", "streets"],
  buildings: ["buildings", "buildings-edge"],
  facilities: ["facilities"],
  mediation_rooms: ["mediation_rooms"],
  boundaries: ["boundary", "subdistrict_names", "subdistrict_names_afar"],
  backdrop: ["green", "water", "roads", "roads-edge", "water_names", "green_names", "base"],
  complaints: ["complaints"],
};

/** By MapLibre's zoom, one less than Leaflet's; sizes grow with the screen's scale. */
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

function pointsOf(places) {
  const features = places.map(([name, lon, lat]) => ({
    type: "Feature",
    properties: { name },
    geometry: { type: "Point", coordinates: [lon, lat] },
  }));
  return { type: "FeatureCollection", features };
}

/** Sources and layers that every view shares. */
export function baseStyle(description) {
  const base = description.base_map;
  const layers = Object.fromEntries(
    description.layers.map((layer) => [layer.id, layerToDisplay(description, layer)]),
  );
  const { outline, boundaries } = layers;
  const sources = {
    boundaries: { type: "geojson", data: shapeOf(boundaries) },
    outline: { type: "geojson", data: shapeOf(outline) },
    ...Object.fromEntries(NAMES.map((id) => [id, { type: "geojson", data: pointsOf(layers[id].places) }])),
    unit_names: { type: "geojson", data: EMPTY },
  };
  for (const id of [
    "backdrop",
    "communities",
    "buildings",
    "subdistricts",
    "complaints",
    "mediation_rooms",
    "facilities",
  ])
    if (layers[id]) sources[id] = tiles(layers[id]);
  if (base) sources.base = { type: "raster", tiles: [base.url], tileSize: 256, maxzoom: base.max_zoom };
  return {
    version: 8,
    sources,
    // Names give way to facilities: what is drawn last is placed first.
    layers: [
      ...ground(Boolean(outline), Boolean(outline ?? boundaries)),
      ...overCells(),
      ...labels(),
      ...marks(layers),
      subdistrictNames("subdistrict_names_afar", { maxzoom: GIVE_WAY }),
      // What is not for whoever asks is not described: the map does without.
    ].filter(({ id, source }) => (!source || sources[source]) && !(base && ON_BASE_MAPS.has(id))),
  };
}

function area(id, source, token, more = {}) {
  const paint = { "fill-color": colour(token), ...more.paint };
  return { id, type: "fill", source, "source-layer": source, filter: POLYGON, ...more, paint };
}

function line(id, source, token, width, more = {}) {
  const paint = { "line-color": colour(token), "line-width": grow(...width), ...more.paint };
  return { id, type: "line", source, layout: { "line-join": "round" }, ...more, paint };
}

function ofKind(kind) {
  return { filter: ["all", POLYGON, ["==", ["get", "kind"], kind]] };
}

function ground(outlined, bounded) {
  const land = { id: "land", type: "fill", source: "outline", paint: { "fill-color": colour("land") } };
  return [
    {
      id: "outside",
      type: "background",
      paint: { "background-color": colour(bounded ? "outside" : "land") },
    },
    { id: "base", type: "raster", source: "base", paint: { "raster-saturation": -0.35 } },
    outlined ? land : area("land", "subdistricts", "land"),
    area("green", "backdrop", "green", ofKind("green")),
    area("water", "backdrop", "water", ofKind("water")),
    area("block", "communities", "block"),
  ];
}

function overCells() {
  const inTiles = (source) => ({ "source-layer": source, filter: POLYGON });
  return [
    area("buildings", "buildings", "building", {
      minzoom: 13,
      paint: { "fill-opacity": ["interpolate", ["linear"], ["zoom"], 13, 0, 14, 0.3] },
    }),
    line("buildings-edge", "buildings", "building-edge", [15, 0.4, 18, 1], {
      ...inTiles("buildings"),
      minzoom: 14.5,
      paint: { "line-opacity": 0.8 },
    }),
    // Between communities run the small streets; the large ones are in the backdrop.
    line("streets", "communities", "road", [11, 0.2, 13, 0.5, 16, 1.2], {
      ...inTiles("communities"),
      paint: { "line-opacity": ["interpolate", ["linear"], ["zoom"], 11, 0.35, 13, 0.45, 16, 0.7] },
    }),
    area("roads", "backdrop", "road", ofKind("road")),
    line("roads-edge", "backdrop", "road-edge", [13, 0.4, 16, 1], {
      "source-layer": "backdrop",
      ...ofKind("road"),
      minzoom: 13,
    }),
    line("boundary", "boundaries", "boundary", [11, 1, 15, 1.6], { paint: { "line-dasharray": [1.5, 2] } }),
    line("outline", "outline", "boundary", [11, 1.4, 15, 2]),
  ];
}

function marks(layers) {
  const visible = (id) => (layers[id]?.show ? "visible" : "none");
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
      "icon-padding": 0,
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

function name(id, { font, size, token = "ink", layout = {}, ...more }) {
  return {
    id,
    type: "symbol",
    source: id,
    layout: { "text-field": ["get", "name"], "text-font": font, "text-size": grow(...size), ...layout },
    paint: {
      "text-color": colour(token),
      "text-halo-color": colour("label-halo"),
      "text-halo-width": (token === "ink" ? 1.8 : 1) * scale(),
    },
    ...more,
  };
}

function labels() {
  const spaced = { "text-letter-spacing": 0.2 };
  return [
    name("green_names", { font: SERIF, size: [11, 11, 14, 15], token: "ink-3", layout: spaced }),
    name("water_names", { font: SERIF_SLANTED, size: [11, 11, 14, 15], token: "water-text", layout: spaced }),
    name("unit_names", {
      font: FONTS,
      size: [15, 11, 18, 14],
      // Below the middle: a community may be only a point, and its mark is to be seen.
      layout: {
        "text-max-width": 8,
        "text-anchor": "top",
        "text-offset": [0, 0.7],
        "symbol-sort-key": ["get", "rank"],
      },
      minzoom: 14.8,
    }),
    subdistrictNames("subdistrict_names", { minzoom: GIVE_WAY, maxzoom: 16.5 }),
  ];
}

function subdistrictNames(id, zooms) {
  return name(id, {
    source: "subdistrict_names",
    font: BOLD,
    size: [10.5, 11, 13, 14, 15, 17],
    layout: { "text-letter-spacing": 0.12, "text-variable-anchor-offset": AROUND, "text-padding": 0 },
    ...zooms,
  });
}
