/** Very many units from afar: an image with a pixel for each, in the colours of their classes. */

import { colour } from "./colours.js";

const MOST_PX = 4096;
const EARTH_M = 40_075_016.686;
/** Cells of other kinds are about as far apart as this. */
const USUAL_M = 150;
/** Across, in metres, by the resolution of H3. */
const H3_M = { 7: 2100, 8: 800, 9: 300, 10: 115, 11: 43 };
/** Cells lie askew to the image: pixels a little larger leave no gaps. */
const LARGER = 1.25;
const GROUND_ALPHA = 90;
/** What a supposition changes of a unit: where two share a pixel the later one is seen. */
const CHANGES = [null, "open", "gained", "lost"];
const [OPEN, GAINED] = [1, 2];

/** How far apart the middles of neighbouring units are, in metres. */
export function stepOf(unit) {
  const [kind, size] = unit.split(":");
  if (kind === "square") return Number(size);
  return (kind === "h3" && H3_M[size]) || USUAL_M;
}

function toMercator(lon, lat) {
  const up = Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
  return [lon / 360 + 0.5, 0.5 - up / (2 * Math.PI)];
}

function toDegrees(x, y) {
  return [(x - 0.5) * 360, (Math.atan(Math.exp((0.5 - y) * 2 * Math.PI)) * 360) / Math.PI - 90];
}

/**
 * Draw units as pixels.
 * @param {{ids: string[], lon: Float64Array, lat: Float64Array}} places
 * @param {Map<string, import("./states.js").UnitState>} states
 * @param {string} unit what they are units of
 * @param {(at: [number, number]) => [number, number]} toDisplay EPSG:4490 to what the map is drawn in
 * @param {Map<string, "gained"|"lost"|"open">} turned the units that a supposition changes
 * @returns {{canvas: HTMLCanvasElement, coordinates: number[][]}|null} the image and its corners; null without units
 */
export function imageOf({ ids, lon, lat }, states, unit, toDisplay, turned) {
  if (!ids.length) return null;
  const [xs, ys] = [new Float64Array(ids.length), new Float64Array(ids.length)];
  let [left, top, right, bottom] = [1, 1, 0, 0];
  for (let at = 0; at < ids.length; at += 1) {
    const [x, y] = toMercator(...toDisplay([lon[at], lat[at]]));
    xs[at] = x;
    ys[at] = y;
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  const metre = 1 / (EARTH_M * Math.cos((lat[0] * Math.PI) / 180));
  const pixel = Math.max(stepOf(unit) * LARGER * metre, (right - left) / MOST_PX, (bottom - top) / MOST_PX);
  const [width, height] = [Math.floor((right - left) / pixel) + 1, Math.floor((bottom - top) / pixel) + 1];
  const image = new ImageData(width, height);
  const bytes = new Uint32Array(image.data.buffer);
  const colours = new Map();
  const changes = new Uint8Array(turned.size && width * height);
  // From the last to the first: where two share a pixel the worse one is seen.
  for (let at = ids.length - 1; at >= 0; at -= 1) {
    const spot = Math.floor((ys[at] - top) / pixel) * width + Math.floor((xs[at] - left) / pixel);
    if (turned.has(ids[at])) changes[spot] = Math.max(changes[spot], CHANGES.indexOf(turned.get(ids[at])));
    const state = states.get(ids[at]);
    if (!state?.token || state.token === "land") continue;
    if (!colours.has(state)) colours.set(state, bytesOf(state));
    bytes[spot] = colours.get(state);
  }
  drawChanges(bytes, changes, width);
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").putImageData(image, 0, 0);
  // A unit's middle is somewhere in its pixel: on average in the middle of it.
  const half = pixel / 2;
  const [west, north] = toDegrees(left - half, top - half);
  const [east, south] = toDegrees(left - half + width * pixel, top - half + height * pixel);
  return {
    canvas,
    coordinates: [
      [west, north],
      [east, north],
      [east, south],
      [west, south],
    ],
  };
}

/** Return what becomes of each unit that a supposition changes. */
export function turnedOf({ gained, lost, open = [] }) {
  const told = Object.entries({ open, gained, lost });
  return new Map(told.flatMap(([change, ids]) => ids.map((id) => [id, change])));
}

/** What a supposition changes, as it looks closer up: an outline around what gains, dots where that cannot be told, a hatch over what loses. */
function drawChanges(bytes, changes, width) {
  if (!changes.length) return;
  const ink = bytesOf({ token: "selection" });
  changes.forEach((change, spot) => {
    if (!change) return;
    const x = spot % width;
    const around = [x > 0 && spot - 1, x < width - 1 && spot + 1, spot - width, spot + width];
    const within = around.filter((near) => near !== false && changes[near] === change).length;
    const row = (spot - x) / width;
    const [edge, dotted] = [within < around.length, within === 0 || (x + row) % 2 === 0];
    if (change === GAINED ? edge : change === OPEN ? edge && dotted : dotted) bytes[spot] = ink;
  });
}

/**
 * A state's colour as a pixel of an image, which has red first in memory. Closer up there is a dashed line of ink around
 * what is open: here it is mixed in, so that a single unit, too, is not taken for an unknown one.
 */
function bytesOf({ token, ground, open }) {
  const numbers = (of) => colour(of).match(/[\d.]+/g).map(Number);
  const ink = numbers("ink");
  const [red, green, blue] = numbers(token).map((value, at) => (open ? (value + ink[at]) / 2 : value));
  const pixel = new Uint8ClampedArray([red, green, blue, ground ? GROUND_ALPHA : 255]);
  return new Uint32Array(pixel.buffer)[0];
}
