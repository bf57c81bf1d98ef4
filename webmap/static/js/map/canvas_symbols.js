/** What the canvas engine's rules are made of, with protomaps-leaflet's symbols. */

import * as L from "leaflet";
import { byId, el } from "../dom.js";
import { colour, scale } from "./colours.js";

/** Of a tile's features. */
export const POINT = 1;
export const POLYGON = 3;

/** The package is a classic script that looks for Leaflet in the window. */
export function loadProtomaps() {
  window.L = L;
  const { protomaps } = byId("page-data").dataset;
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error("protomaps-leaflet did not load"));
    document.head.append(el("script", { src: protomaps, on: { load: resolve, error: failed } }));
  });
}

/** Draws an image at a point, or in the middle of an area: protomaps' own icons want a sheet of sprites. */
export class ImageSymbolizer {
  constructor(imageOf) {
    this.imageOf = imageOf;
  }

  draw(pen, geometry, zoom, feature) {
    const image = this.imageOf(feature);
    if (!image) return;
    const size = 22 * scale() * Math.min(1, Math.max(0.42, (zoom - 8) / 7));
    const { minX, maxX, minY, maxY } = feature.bbox;
    const [x, y] =
      feature.geomType === POINT
        ? [geometry[0][0].x, geometry[0][0].y]
        : [(minX + maxX) / 2, (minY + maxY) / 2];
    pen.globalAlpha = 1;
    pen.drawImage(image, x - size / 2, y - size / 2, size, size);
  }
}

/** A rule for all of a layer, or what of it `more` says. */
export function rule(id, symbolizer, more = {}) {
  return { dataSource: id, dataLayer: id, symbolizer, ...more };
}

/** Areas filled with a token's colour. */
export function area(fill, opacity) {
  return new window.protomapsL.PolygonSymbolizer({ fill: colour(fill), opacity });
}

/** Features of one kind alone. */
export function ofKind(kind) {
  return { filter: (_, { props }) => props.kind === kind };
}
