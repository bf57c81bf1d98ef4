/** The theme's colours as the map engines take them: the tokens stay the one place where they are written. */

import { tokenVariable } from "../shapes.js";

/** How strongly units are filled over an operator's base map, which shows through. */
export const OVER_BASE = 0.72;

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

/** A token's colour in the theme of now, as rgb(). */
export function colour(token) {
  probe.style.setProperty("color", `var(${tokenVariable(token)})`);
  return getComputedStyle(probe).color;
}

/** How much larger than at its design size the page is drawn: wall screens raise the root's font. */
export function scale() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}

/** Whether to leave out movement. */
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** Class id to token, as the legend of a view says. */
export function classTokens(view) {
  return Object.fromEntries(view.legend.classes.map((one) => [one.id, one.token]));
}

/** The hatch for unknown, one tile of it: 45°, line 1.3 every 5, on large screens in proportion. */
export function hatchTile(ratio) {
  const size = Math.round(5 * ratio * scale());
  const canvas = document.createElement("canvas");
  canvas.width = size;
  canvas.height = size;
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour("hatch-bg");
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = colour("hatch");
  pen.lineWidth = 1.1 * ratio * scale();
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift - 1, size + 1);
    pen.lineTo(shift + size + 1, -1);
  }
  pen.stroke();
  return canvas;
}

/** The hatch over units that lose by what is supposed, one tile of it: the other way round, wider, see-through. */
export function lostTile(ratio) {
  const size = Math.round(8 * ratio * scale());
  const canvas = document.createElement("canvas");
  canvas.width = size;
  canvas.height = size;
  const pen = canvas.getContext("2d");
  pen.strokeStyle = colour("selection");
  pen.lineWidth = 1.1 * ratio * scale();
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift - 1, -1);
    pen.lineTo(shift + size + 1, size + 1);
  }
  pen.stroke();
  return canvas;
}

/** A facility's mark on a disc of the label's halo colour. */
export function markTile({ path, solid }, ratio) {
  const size = Math.round(22 * ratio);
  const canvas = document.createElement("canvas");
  canvas.width = size;
  canvas.height = size;
  const pen = canvas.getContext("2d");
  pen.scale(size / 20, size / 20);
  const shape = new Path2D(path);
  pen.lineJoin = "miter";
  pen.strokeStyle = colour("label-halo");
  pen.lineWidth = 4.6;
  pen.stroke(shape);
  pen.fillStyle = colour(solid ? "facility" : "label-halo");
  pen.fill(shape);
  pen.strokeStyle = colour("facility");
  pen.lineWidth = solid ? 1 : 2;
  pen.stroke(shape);
  return canvas;
}
