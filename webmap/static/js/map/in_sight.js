/**
 * Which units are given their state. MapLibre looks at every state for every tile and layer: with ten thousand that is
 * nothing, with a quarter of a million cells it is half a minute. Of many units only those in sight have theirs; where
 * too many are in sight to be told apart, an image of one pixel per unit stands for all of them.
 */

/** So many states at once cost a tile some hundredths of a second. */
export const MOST_AT_ONCE = 12_000;
/** What lies just outside is given its state as well: it comes into sight by a small movement. */
const AROUND = 0.15;

/** Positions of a view's units, in the order of `ids`. */
export function placesOf({ rows, rest }) {
  const parts = rest ? [rows, rest] : [rows];
  return {
    ids: parts.flatMap(({ id }) => id),
    lon: Float64Array.from(parts.flatMap(({ lon }) => lon)),
    lat: Float64Array.from(parts.flatMap(({ lat }) => lat)),
  };
}

/**
 * The units in a box, null where there are too many.
 * @param {{ids: string[], lon: Float64Array, lat: Float64Array}} places
 * @param {{west: number, south: number, east: number, north: number}} box degrees
 * @returns {string[]|null}
 */
export function unitsIn({ ids, lon, lat }, { west, south, east, north }) {
  const [wide, high] = [(east - west) * AROUND, (north - south) * AROUND];
  const [left, right, low, top] = [west - wide, east + wide, south - high, north + high];
  const found = [];
  for (let at = 0; at < ids.length; at += 1) {
    if (lon[at] < left || lon[at] > right || lat[at] < low || lat[at] > top) continue;
    found.push(ids[at]);
    if (found.length > MOST_AT_ONCE) return null;
  }
  return found;
}

/** The unit nearest to a position, within `most` degrees of latitude; null where there is none. */
export function nearestUnit({ ids, lon, lat }, [x, y], most) {
  const narrower = Math.cos((y * Math.PI) / 180);
  let best = most * most;
  let found = null;
  for (let at = 0; at < ids.length; at += 1) {
    const [east, north] = [(lon[at] - x) * narrower, lat[at] - y];
    const apart = east * east + north * north;
    if (apart > best) continue;
    best = apart;
    found = ids[at];
  }
  return found;
}
