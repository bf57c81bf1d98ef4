/** What is supposed, on the map: places that are added, moved or closed, to be dragged or moved by the arrow keys. */

import * as L from "leaflet";
import { el, setAttribute } from "../dom.js";
import { mark } from "../shapes.js";
import { supposes, toldOf } from "../what_if_scenario.js";
import { t } from "../words.js";
import { colour, scale } from "./colours.js";

const STEP_M = 10;
const FAR = 10;
const METRES_PER_DEGREE = 111_320;
const MOVES = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/**
 * Keep the map's marks in step with the scenario.
 * @param {object} map Leaflet's map
 * @param {object} store
 * @param {import("../what_if_actions.js").Actions} actions
 */
export function startSupposed(map, store, actions) {
  /** Marks by the number of their step; a mark that is dragged or focused stays the same element. */
  const marks = new Map();
  let lines = [];
  let dragged = null;
  const draw = () => {
    const { scenario, whatIf } = store.get();
    const steps = supposes(scenario) ? scenario.steps : [];
    const told = steps.map((step, n) => toldOf(step, whatIf?.steps[n]));
    steps.forEach((step, n) => {
      const what = wanted(step, told[n]);
      const known = marks.get(n);
      if (known && (!what || known.key !== what.key)) {
        known.marker.remove();
        marks.delete(n);
      }
      if (!what) return;
      if (!marks.has(n)) marks.set(n, { key: what.key, marker: made(n, what) });
      const { marker } = marks.get(n);
      if (dragged !== n) marker.setLatLng([what.lat, what.lon]);
      const words = told[n] ? t("what_if_marker", { n: n + 1, title: told[n].title }) : "";
      setAttribute(marker.getElement(), "aria-label", words || null);
    });
    for (const [n, { marker }] of marks)
      if (n >= steps.length) {
        marker.remove();
        marks.delete(n);
      }
    for (const line of lines) line.remove();
    lines = steps.flatMap((step, n) => (told[n] ? drawn(step, told[n]) : [])).map((line) => line.addTo(map));
  };

  /** What is drawn around a step: from where it moves, and whom it reaches. */
  function drawn(step, told) {
    const found = [];
    const style = { color: colour("selection"), weight: 1.5 * scale(), interactive: false, fill: false };
    if (told.before && step.lon !== undefined) {
      const from = [told.before[1], told.before[0]];
      found.push(
        L.polyline([from, [step.lat, step.lon]], { ...style, dashArray: "2 4" }),
        L.circleMarker(from, { ...style, radius: 4 * scale(), dashArray: "2 2" }),
      );
    }
    if (told.radius_m && told.status === "done")
      found.push(L.circle([step.lat, step.lon], { ...style, radius: told.radius_m, dashArray: "3 5" }));
    return found;
  }

  function made(n, { lon, lat, kind, crossed }) {
    const marker = L.marker([lat, lon], {
      draggable: !crossed,
      autoPan: true,
      keyboard: !crossed,
      zIndexOffset: 1000,
      icon: L.divIcon({
        className: crossed ? "supposed crossed" : "supposed",
        html: el("span", {}, kind && mark(kind), el("b", { text: String(n + 1) })),
        iconSize: [0, 0],
      }),
    }).addTo(map);
    if (crossed) return marker;
    const moved = () => {
      const { lat: north, lng } = marker.getLatLng();
      actions.move(n, lng, north);
    };
    marker.on("dragstart", () => {
      dragged = n;
      actions.startMoving();
    });
    marker.on("drag", moved);
    marker.on("dragend", () => {
      moved();
      dragged = null;
      actions.endMoving();
    });
    const node = marker.getElement();
    node.setAttribute("role", "button");
    node.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation();
      const metres = STEP_M * (event.shiftKey ? FAR : 1);
      const { lat: north, lng } = marker.getLatLng();
      const across = METRES_PER_DEGREE * Math.cos((north * Math.PI) / 180);
      actions.startMoving();
      actions.move(n, lng + (move[0] * metres) / across, north + (move[1] * metres) / METRES_PER_DEGREE);
    });
    node.addEventListener("keyup", ({ key }) => MOVES[key] && actions.endMoving());
    return marker;
  }

  store.on(["scenario", "whatIf"], draw);
  document.addEventListener("themechange", draw);
  draw();
  return {
    /** Give a step's mark the focus. */
    focus: (n) => marks.get(n)?.marker.getElement().focus(),
  };
}

/** The mark that a step has: where it is placed, or where what is closed stands. */
function wanted({ action, kind, layer, code, lon, lat }, told) {
  if (action === "add") return { key: `${action}:${kind}`, lon, lat, kind: drawnKind(kind) };
  const key = [action, layer, code, told?.kind].join(":");
  if (action === "move") return { key, lon, lat, kind: drawnKind(told?.kind) };
  if (!told?.before) return null;
  return { key, lon: told.before[0], lat: told.before[1], kind: drawnKind(told.kind), crossed: true };
}

function drawnKind(kind) {
  return kind?.endsWith("mediation_room") ? "mediation_rooms" : kind;
}
