/** What the tablet shows: the server's answer where there is one, else the package; with one's own edits upon it. */

import { isOpen, subject } from "./outbox.js";
import { named, told } from "./words.js";

const CLASSES = {
  "no/no": "double_none",
  "no/yes": "no_manager",
  "yes/no": "no_committee",
  "yes/yes": "complete",
};

/**
 * @typedef {object} Shown
 * @property {"live"|"package"} from
 * @property {object} field as GET /api/field
 * @property {number} version what edits are based on
 * @property {string} epoch of the store that the version is of
 * @property {object[]} tasks as GET /api/field/tasks, each with `edit`, one's own latest about it, or null
 * @property {object[]} communities {id, name, lon, lat, class}
 * @property {object[]} rooms {id, name, lon, lat, shared}
 * @property {boolean} expired
 */

/** What there is to show, null where nothing was ever fetched. @returns {Shown|null} */
export function shownOf({ live, package: taken, edits, holder, lastServer }) {
  const [from, field, list] = live
    ? ["live", live.field, live.tasks]
    : taken
      ? ["package", taken.field, taken.tasks]
      : [];
  if (!field) return null;
  const latest = new Map();
  for (const edit of edits)
    if (edit.holder === holder && counts(edit, list, taken && !live && Date.parse(taken.manifest.made))) latest.set(subject(edit), edit);
  return {
    from,
    field,
    version: list.version,
    epoch: list.epoch,
    day: list.day,
    tasks: list.tasks.map((task) => ({
      ...task,
      edit: latest.get(`${task.layer}/${task.code}/${task.field}`) ?? null,
    })),
    communities: live ? communitiesOfView(live.classes) : communitiesOfPackage(taken),
    // A package from before rooms were listed has none.
    rooms: (list.rooms ?? []).map(({ code, name, ...room }) => ({ ...room, id: code, name: told(name) })),
    expired: Boolean(!live && taken && isExpired(taken, lastServer)),
  };
}

/** Whether a package is too old; a clock that was put back does not make it younger. */
export function isExpired({ manifest }, lastServer = 0) {
  return Date.parse(manifest.expires) <= Math.max(Date.now(), lastServer);
}

/**
 * An edit that is still open, or was written after what is shown was made. Versions of two epochs say nothing of each
 * other: there the moment at which a package was `made` counts, and what the server tells now is newer than any answer.
 */
function counts({ state, answer, done }, { version, epoch }, made) {
  if (isOpen({ state })) return true;
  if (state !== "sent") return false;
  return (answer.epoch ?? epoch) === epoch ? answer.version > version : Boolean(made) && done > made;
}

function communitiesOfView({ rows }) {
  return rows.id.map((id, i) => ({
    id,
    name: rows.name[i],
    lon: rows.lon[i],
    lat: rows.lat[i],
    class: rows.class[i],
  }));
}

function communitiesOfPackage({ communities }) {
  return communities.features.map(({ id, geometry, properties }) => {
    const { property_management: manager, owners_committee: committee } = properties;
    const [lon, lat] = middle(geometry.coordinates.flat(Infinity));
    return {
      id: String(properties.code ?? id),
      name: named(properties),
      lon,
      lat,
      class: CLASSES[`${manager}/${committee}`] ?? "unknown",
    };
  });
}

function middle(numbers) {
  const half = (values) => (Math.min(...values) + Math.max(...values)) / 2;
  return [half(numbers.filter((_, i) => i % 2 === 0)), half(numbers.filter((_, i) => i % 2 === 1))];
}

/** Tasks that nobody has answered here yet. */
export function openTasks(shown) {
  return shown ? shown.tasks.filter(({ edit }) => !edit) : [];
}

/** Metres between two places, as the crow flies. */
export function metresBetween(one, other) {
  const radians = Math.PI / 180;
  const x = (other.lon - one.lon) * radians * Math.cos(((one.lat + other.lat) / 2) * radians);
  return Math.hypot(x, (other.lat - one.lat) * radians) * 6_371_008;
}

/** The bounds of a GeoJSON geometry or of places, as Leaflet takes them: (lat, lon) each. */
export function boundsOf([west, south, east, north]) {
  return [
    [south, west],
    [north, east],
  ];
}
