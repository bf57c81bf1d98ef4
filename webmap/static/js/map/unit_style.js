/** The look of the units of counting: filled by class, hatched where unknown, marked where chosen. */

import { OVER_BASE, colour, scale } from "./colours.js";
import { POINT, POLYGON, grow, tiles } from "./style.js";

const CLEAR = "rgba(0,0,0,0)";
const TOKENS = [
  ...["double-none", "no-manager", "no-committee", "complete"],
  ...["gap-0", "gap-1", "gap-2", "gap-3", "gap-4"],
  ...["hot-3", "hot-2", "hot-1", "hot+0", "hot+1", "hot+2", "hot+3"],
  ...["quantity-0", "quantity-1", "quantity-2", "quantity-3", "quantity-4"],
];
const TOKEN = ["to-string", ["feature-state", "token"]];

/** A value per token, `otherwise` for the rest: where nobody lives, the land itself shows. */
function perToken(tokens, valueOf, otherwise) {
  return ["match", TOKEN, ...tokens.flatMap((token) => [token, valueOf(token)]), otherwise];
}

/**
 * Source and layers of one unit of counting, painted by feature state.
 *
 * The paint is the same for every question: tiles under way must find the layers that they were made for.
 * Over an operator's own base map the cells let it show through.
 */
export function unitStyle(url, unit, overBase = false) {
  const layer = unit.replace(":", "-");
  const own = { source: "units", "source-layer": layer };
  const shown = perToken([...TOKENS, "hatch"], () => 1, 0);
  const chosen = ["boolean", ["feature-state", "chosen"], false];
  const over = ["boolean", ["feature-state", "over"], false];
  const turned = (change) => ["==", ["feature-state", "change"], change];
  const outline = (change) => ({
    "line-color": colour("selection"),
    "line-width": grow(11, 0.8, 14, 1.2, 17, 2),
    "line-offset": grow(11, 0.4, 14, 0.8, 17, 1.4),
    "line-opacity": ["case", turned(change), 1, 0],
  });
  const recedes = (strength) => ["case", ["boolean", ["feature-state", "ground"], false], 0.35 * strength, strength];
  const open = ["boolean", ["feature-state", "open"], false];
  const areas = !/^(square|h3)/.test(unit);
  return {
    source: tiles({ url: url.replace("{unit}", layer), min_zoom: 0 }),
    under: [
      {
        id: "units-fill",
        type: "fill",
        ...own,
        filter: POLYGON,
        paint: {
          "fill-color": perToken(TOKENS, colour, CLEAR),
          "fill-antialias": false,
          "fill-opacity": recedes(overBase ? OVER_BASE : 1),
        },
      },
      {
        id: "units-hatch",
        type: "fill",
        ...own,
        filter: POLYGON,
        paint: { "fill-pattern": "hatch", "fill-opacity": perToken(["hatch"], () => recedes(1), 0) },
      },
      {
        id: "units-gap",
        type: "line",
        ...own,
        filter: POLYGON,
        paint: {
          "line-color": perToken(["hatch"], colour, colour(areas ? "road" : "land")),
          "line-width": areas ? grow(11, 0.4, 13, 0.9, 16, 2) : grow(11, 0.2, 12, 0.35, 14, 0.6),
          "line-opacity": shown,
        },
      },
      {
        id: "units-point",
        type: "circle",
        ...own,
        filter: POINT,
        paint: {
          "circle-radius": grow(10, 2, 13, 4.5, 16, 8),
          "circle-color": ["match", TOKEN, "hatch", colour("hatch-bg"), perToken(TOKENS, colour, CLEAR)],
          "circle-stroke-color": colour("hatch"),
          "circle-stroke-width": shown,
          "circle-opacity": recedes(1),
          "circle-stroke-opacity": recedes(1),
        },
      },
    ],
    over: [
      {
        id: "units-open",
        type: "line",
        ...own,
        filter: POLYGON,
        paint: {
          "line-color": colour("ink"),
          "line-width": grow(11, 0.7, 14, 1.4, 17, 2),
          "line-dasharray": [3, 2],
          "line-opacity": ["case", open, 1, 0],
        },
      },
      {
        id: "units-lost",
        type: "fill",
        ...own,
        filter: POLYGON,
        paint: { "fill-pattern": "hatch-lost", "fill-opacity": ["case", turned("lost"), 1, 0] },
      },
      {
        id: "units-perhaps",
        type: "line",
        ...own,
        filter: POLYGON,
        paint: { ...outline("open"), "line-dasharray": [1.5, 1.5] },
      },
      {
        id: "units-gained",
        type: "line",
        ...own,
        filter: POLYGON,
        paint: outline("gained"),
      },
      {
        id: "units-over",
        type: "line",
        ...own,
        filter: POLYGON,
        paint: {
          "line-color": colour("selection"),
          "line-width": 1.4 * scale(),
          "line-opacity": ["case", over, 0.8, 0],
        },
      },
      {
        id: "units-halo",
        type: "line",
        ...own,
        filter: POLYGON,
        layout: { "line-join": "round" },
        paint: {
          "line-color": colour("label-halo"),
          "line-width": 6 * scale(),
          "line-opacity": ["case", chosen, 1, 0],
        },
      },
      {
        id: "units-chosen",
        type: "line",
        ...own,
        filter: POLYGON,
        paint: {
          "line-color": colour("selection"),
          "line-width": 2.5 * scale(),
          "line-opacity": ["case", chosen, 1, 0],
        },
      },
      {
        id: "units-point-chosen",
        type: "circle",
        ...own,
        filter: POINT,
        paint: {
          "circle-radius": grow(10, 4, 13, 7, 16, 11),
          "circle-color": CLEAR,
          "circle-stroke-color": colour("selection"),
          "circle-stroke-width": ["case", chosen, 2.5, 0],
          "circle-stroke-opacity": ["case", chosen, 1, 0],
        },
      },
    ],
  };
}
