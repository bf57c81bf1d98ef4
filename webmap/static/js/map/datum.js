/**
 * What the map is drawn in. Positions in pages, answers and addresses are EPSG:4490 everywhere; where an
 * installation's base map is in GCJ-02 they are moved here, and only to be drawn. The formulas are those of
 * geo/datum.py: known from public reconstructions, not from an official text.
 */

const SEMI_MAJOR_M = 6378245;
const ECCENTRICITY_SQUARED = 0.006693421622965943;
const NEAR_DEG = 1e-12;
const MOST_STEPS = 20;
const { PI, abs, cos, sin, sqrt } = Math;

/** Metres east and north by which GCJ-02 moves a position. */
function shift(lon, lat) {
  const [x, y] = [lon - 105, lat - 35];
  const root = sqrt(abs(x));
  const waves = 20 * sin(6 * PI * x) + 20 * sin(2 * PI * x);
  const along = (z, a, b, c) => 20 * sin(PI * z) + 40 * sin((PI * z) / 3) + a * sin((PI * z) / b) + c * sin((PI * z) / 30);
  return {
    east:
      300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ((waves + along(x, 150, 12, 300)) * 2) / 3,
    north:
      -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ((waves + along(y, 160, 12, 320)) * 2) / 3,
  };
}

/** EPSG:4490 to GCJ-02, degrees. @returns {[number, number]} */
export function toGcj02(lon, lat) {
  const { east, north } = shift(lon, lat);
  const radians = (lat * PI) / 180;
  const flattening = 1 - ECCENTRICITY_SQUARED * sin(radians) ** 2;
  const meridian = (SEMI_MAJOR_M * (1 - ECCENTRICITY_SQUARED)) / (flattening * sqrt(flattening));
  const parallel = (SEMI_MAJOR_M / sqrt(flattening)) * cos(radians);
  return [lon + ((east / parallel) * 180) / PI, lat + ((north / meridian) * 180) / PI];
}

/** GCJ-02 to EPSG:4490, degrees: what is moved there by `toGcj02`. @returns {[number, number]} */
export function fromGcj02(lon, lat) {
  let [x, y] = [lon, lat];
  for (let step = 0; step < MOST_STEPS; step++) {
    const [there, up] = toGcj02(x, y);
    const [left, down] = [lon - there, lat - up];
    x += left;
    y += down;
    if (abs(left) < NEAR_DEG && abs(down) < NEAR_DEG) break;
  }
  return [x, y];
}

/** Where a position (EPSG:4490) stands on the map that `description` tells of. @returns {[number, number]} */
export function toDisplay({ datum }, [lon, lat]) {
  return datum === "gcj02" ? toGcj02(lon, lat) : [lon, lat];
}

function moved(description, coordinates) {
  return typeof coordinates[0] === "number"
    ? toDisplay(description, coordinates)
    : coordinates.map((inner) => moved(description, inner));
}

/** A GeoJSON geometry (EPSG:4490) as it is drawn. */
export function geometryToDisplay(description, geometry) {
  if (description.datum !== "gcj02") return geometry;
  if (geometry.geometries)
    return { ...geometry, geometries: geometry.geometries.map((one) => geometryToDisplay(description, one)) };
  return { ...geometry, coordinates: moved(description, geometry.coordinates) };
}

/** A described layer with its shape or its places as they are drawn. */
export function layerToDisplay(description, layer) {
  if (layer.geometry) return { ...layer, geometry: geometryToDisplay(description, layer.geometry) };
  if (layer.places)
    return {
      ...layer,
      places: layer.places.map(([name, lon, lat]) => [name, ...toDisplay(description, [lon, lat])]),
    };
  return layer;
}
