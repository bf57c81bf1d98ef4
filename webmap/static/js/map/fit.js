/** Where the whole district stands on a map: as large as it can be, clear of what lies over the map. */

import * as L from "leaflet";

const SMALLER = 0.98;
const LEAST = 0.7;
/** How closely edges are looked at, and by what steps the district is moved. */
const STEP_PX = 8;
/** Between the signs of a name, in ems. */
const SPACED = 0.12;

/**
 * @typedef {object} Rect
 * @property {number} left
 * @property {number} top
 * @property {number} right
 * @property {number} bottom
 */

/**
 * The view of a map that shows all of the district.
 * @param {object} map Leaflet's map
 * @param {object} description the map as the server describes it
 * @param {{spare: number, font: number, taken: Rect[]}} room pixels: the margin around the district, the size of its
 *   parts' names, and where something lies over the map
 * @returns {{centre: object, zoom: number}|null} null where nothing of the district would stay clear
 */
export function wholeView(map, description, { spare, font, taken }) {
  const { x: width, y: height } = map.getSize();
  const at = (lon, lat) => map.project([lat, lon], 0);
  const { outline, subdistrict_names: names } = Object.fromEntries(description.layers.map((one) => [one.id, one]));
  const rings = ringsOf(outline?.geometry, description.bounds).map((ring) =>
    ring.map(([lon, lat]) => Object.values(at(lon, lat))),
  );
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `700 ${font}px ${getComputedStyle(document.body).fontFamily}`;
  const rooms = names.places.map(([name, lon, lat]) => ({
    ...at(lon, lat),
    wide: (pen.measureText(name).width + SPACED * font * name.length) / 2,
    high: font / 2,
  }));
  const { zoomSnap } = map.options;
  const found = fitClear(rings, rooms, { width, height, spare, taken, zoomSnap });
  if (!found) return null;
  const { scale, x, y } = found;
  return { centre: map.unproject(L.point((width / 2 - x) / scale, (height / 2 - y) / scale), 0), zoom: Math.log2(scale) };
}

function ringsOf(geometry, [[south, west], [north, east]]) {
  const { type, coordinates } = geometry ?? {
    type: "Polygon",
    coordinates: [[[west, south], [west, north], [east, north], [east, south]]],
  };
  return (type === "Polygon" ? [coordinates] : coordinates).map(([outer]) => outer);
}

/**
 * Place a shape in a box parts of which are taken, all of them at its edges.
 * @param {number[][][]} rings of the shape, in any unit
 * @param {{x: number, y: number, wide: number, high: number}[]} names of places: where, in the rings' unit, and how much
 *   room to both sides, above and below, in pixels
 * @param {{width: number, height: number, spare: number, taken: Rect[], zoomSnap: number}} box pixels
 * @returns {{scale: number, x: number, y: number}|null} pixels per unit, and where the unit's origin comes to stand
 */
function fitClear(rings, names, { width, height, spare, taken, zoomSnap }) {
  const all = rings.flat();
  const [xs, ys] = [all.map(([x]) => x), all.map(([, y]) => y)];
  const [west, north] = [least(xs), least(ys)];
  const [wide, high] = [-least(xs.map((x) => -x)) - west, -least(ys.map((y) => -y)) - north];
  const fitting = Math.min((width - 2 * spare) / wide, (height - 2 * spare) / high);
  const most = zoomSnap ? 2 ** (Math.floor(Math.log2(fitting) / zoomSnap) * zoomSnap) : fitting;
  const points = rings.flatMap((ring) => along(ring, STEP_PX / most));
  const under = (x, y, wide, high) =>
    taken.some((one) => x + wide > one.left && x - wide < one.right && y + high > one.top && y - high < one.bottom);
  for (let scale = most; scale > fitting * LEAST; scale *= zoomSnap ? 2 ** -zoomSnap : SMALLER)
    for (const down of outward(height - 2 * spare - high * scale))
      for (const aside of outward(width - 2 * spare - wide * scale)) {
        const [x, y] = [spare + aside - west * scale, spare + down - north * scale];
        const covered =
          points.some(([px, py]) => under(x + px * scale, y + py * scale, 0, 0)) ||
          names.some((one) => under(x + one.x * scale, y + one.y * scale, one.wide, one.high));
        if (!covered) return { scale, x, y };
      }
  return null;
}

function least(values) {
  return values.reduce((one, other) => Math.min(one, other), Infinity);
}

/** From the middle of some slack to both ends of it, nearest first. */
function outward(slack) {
  const middle = Math.max(slack, 0) / 2;
  const found = [middle];
  for (let off = STEP_PX; off <= middle; off += STEP_PX) found.push(middle - off, middle + off);
  return found;
}

/** A ring's corners, and points between those that are far apart. */
function along(ring, step) {
  return ring.flatMap(([x, y], at) => {
    const [nextX, nextY] = ring[(at + 1) % ring.length];
    const parts = Math.max(1, Math.ceil(Math.hypot(nextX - x, nextY - y) / step));
    return Array.from({ length: parts }, (_, part) => [x + ((nextX - x) * part) / parts, y + ((nextY - y) * part) / parts]);
  });
}
