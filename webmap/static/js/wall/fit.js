/** Where the district stands on the wall's map: as large as it can be, and clear of the legend. */

const SMALLER = 0.98;
const LEAST = 0.5;
/** How closely edges are looked at, and by what steps the district is moved. */
const STEP_PX = 8;

/**
 * Place a shape in a box whose lower right corner is taken.
 * @param {number[][][]} rings of the shape, in any unit
 * @param {{x: number, y: number, wide: number, high: number}[]} names of places: where, in the rings' unit, and how much
 *   room to both sides, above and below, in pixels
 * @param {{width: number, height: number, spare: number, left: number, top: number}} box pixels: its size, the margin
 *   around the shape, and where what is taken begins
 * @returns {{scale: number, x: number, y: number}} pixels per unit, and where the unit's origin comes to stand
 */
export function fitClear(rings, names, { width, height, spare, left, top }) {
  const all = rings.flat();
  const [xs, ys] = [all.map(([x]) => x), all.map(([, y]) => y)];
  const [west, north] = [least(xs), least(ys)];
  const [wide, high] = [-least(xs.map((x) => -x)) - west, -least(ys.map((y) => -y)) - north];
  const most = Math.min((width - 2 * spare) / wide, (height - 2 * spare) / high);
  const points = rings.flatMap((ring) => along(ring, STEP_PX / most));
  for (let scale = most; scale > most * LEAST; scale *= SMALLER) {
    const free = (x, y) =>
      points.every(([px, py]) => x + px * scale < left || y + py * scale < top) &&
      names.every((one) => x + one.x * scale + one.wide < left || y + one.y * scale + one.high < top);
    for (const up of outward(height - 2 * spare - high * scale))
      for (const aside of outward(width - 2 * spare - wide * scale)) {
        const [x, y] = [spare + aside - west * scale, spare + up - north * scale];
        if (free(x, y)) return { scale, x, y };
      }
  }
  const rest = (size, long) => (size - long * most) / 2;
  return { scale: most, x: rest(width, wide) - west * most, y: rest(height, high) - north * most };
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
