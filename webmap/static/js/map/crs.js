/** How Leaflet draws EPSG:4490 on the map: clicks, markers and bounds are EPSG:4490 whatever it is drawn in. */

import * as L from "leaflet";
import { fromGcj02, toDisplay, toGcj02 } from "./datum.js";

const { SphericalMercator } = L.Projection;
const GCJ02 = {
  ...L.CRS.EPSG3857,
  projection: {
    ...SphericalMercator,
    project({ lat, lng }) {
      const [lon, up] = toGcj02(lng, lat);
      return SphericalMercator.project(L.latLng(up, lon));
    },
    unproject(point) {
      const { lat, lng } = SphericalMercator.unproject(point);
      const [lon, up] = fromGcj02(lng, lat);
      return L.latLng(up, lon);
    },
  },
};

/** The coordinate system of the map that `description` tells of. */
export function crsOf({ datum }) {
  return datum === "gcj02" ? GCJ02 : L.CRS.EPSG3857;
}

/** Have MapLibre, which follows Leaflet's map, draw where the map is drawn. */
export function followInDisplay(gl, map, description) {
  if (description.datum !== "gcj02") return;
  const jumpTo = gl.jumpTo.bind(gl);
  gl.jumpTo = ({ center, ...more }) => {
    const { lng, lat } = L.latLng(Array.isArray(center) ? [center[1], center[0]] : center);
    return jumpTo({ center: toDisplay(description, [lng, lat]), ...more });
  };
  gl.jumpTo({ center: map.getCenter(), zoom: map.getZoom() - 1 });
}
