/** Places that are there, to be moved or closed: the nearest to the middle of the map, or the one that is clicked. */

import { get } from "./api.js";
import { ROOM, ROOMS } from "./what_if_scenario.js";

const LISTED = 6;
const ASKED = 60;
const REACH_PX = 22;

/**
 * @typedef {object} Existing
 * @property {{layer: string, code: string}} place
 * @property {string} code
 * @property {string} kind
 * @property {string} name
 * @property {number} lon
 * @property {number} lat
 * @property {number} away_m from where it was asked
 */

/**
 * @param {object} map Leaflet's map
 * @returns {{near: (kind: string) => Promise<Existing[]>, at: (latlng: object, kind: string) => Promise<Existing|null>}}
 */
export function startExisting(map) {
  const ask = async (layer, { lat, lng }) => {
    const found = await get("/api/nearby", { layer, lon: lng.toFixed(6), lat: lat.toFixed(6), limit: ASKED });
    return found.features.map(({ id, geometry, properties }) => {
      const [lon, north] = geometry.type === "Point" ? geometry.coordinates : middle(geometry);
      return {
        place: { layer, code: id },
        code: id,
        kind: properties.kind ?? ROOM,
        name: properties.name ?? id,
        lon,
        lat: north,
        away_m: properties.distance_m,
      };
    });
  };
  const layerOf = (kind) => (ROOMS.includes(kind) ? "mediation_rooms" : "facilities");
  return {
    async near(kind) {
      const wanted = ROOMS.includes(kind) ? ROOM : kind;
      const found = await ask(layerOf(kind), map.getCenter());
      return found.filter((one) => one.kind === wanted).slice(0, LISTED);
    },
    async at(latlng, kind) {
      const here = map.latLngToContainerPoint(latlng);
      const wanted = ROOMS.includes(kind) ? ROOM : kind;
      const near = (one) => here.distanceTo(map.latLngToContainerPoint([one.lat, one.lon])) <= REACH_PX;
      const found = await ask(layerOf(kind), latlng);
      return found.find((one) => one.kind === wanted && near(one)) ?? null;
    },
  };
}

/** The middle of an area's box: where its mark stands. */
function middle({ coordinates }) {
  const all = coordinates.flat(Infinity);
  const range = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  return [range(all.filter((_, i) => i % 2 === 0)), range(all.filter((_, i) => i % 2 === 1))];
}
