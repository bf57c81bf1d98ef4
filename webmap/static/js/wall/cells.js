/** One small cell per community: filled is yes, dark is no, hatched is unknown; the published share as a line. */

import { svg } from "../dom.js";
import { t } from "../words.js";

/** Of the box that the cells fill: so many times as wide as high. */
const ASPECT = 4.2;
const PITCH = 10;
const SIZE = 8.4;
const CAP = 9;
const HATCH = "wall-hatch";

/**
 * Draw a coverage.
 * @param {{count: number, of: number, unknown: number}} figure
 * @param {number|null} share what was published, where it can be drawn
 */
export function cells({ count, of, unknown }, share) {
  const rows = Math.max(1, Math.round(Math.sqrt(of / ASPECT)));
  const width = Math.max(1, Math.ceil(of / rows)) * PITCH;
  const height = rows * PITCH;
  const no = of - count - unknown;
  const node = svg(
    "svg",
    {
      class: "wall-cells",
      viewBox: `0 ${-CAP} ${width} ${height + 2 * CAP}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": t("wall_cells", { yes: count, no, unknown }),
    },
    hatch(),
    svg("path", { class: "cells-yes", d: squares(rows, 0, count) }),
    svg("path", { class: "cells-no", d: squares(rows, count, count + no) }),
    svg("path", { class: "cells-unknown", fill: `url(#${HATCH})`, d: squares(rows, count + no, of) }),
  );
  if (share !== null) {
    const x = share * width;
    const cap = (y) => svg("rect", { class: "cells-cap", x: x - 6, y, width: 12, height: CAP - 2 });
    node.append(
      svg("path", { class: "cells-line", d: `M${x} ${-CAP}V${height + CAP}` }),
      cap(-CAP),
      cap(height + 2),
    );
  }
  return node;
}

/** Cells fill column by column, so that a share ends at an upright edge. */
function squares(rows, from, to) {
  let path = "";
  for (let i = from; i < to; i++) {
    const x = Math.floor(i / rows) * PITCH;
    const y = (i % rows) * PITCH;
    path += `M${x} ${y}h${SIZE}v${SIZE}h-${SIZE}z`;
  }
  return path;
}

function hatch() {
  return svg(
    "defs",
    {},
    svg(
      "pattern",
      { id: HATCH, width: 4, height: 4, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
      svg("rect", { class: "hatch-ground", width: 4, height: 4 }),
      svg("rect", { class: "hatch-line", width: 1.4, height: 4 }),
    ),
  );
}
