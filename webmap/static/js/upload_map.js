/** Where the records of a file fall: dots over the district's outline, drawn as they are declared. */

import { el } from "./dom.js";
import { page, t } from "./words.js";

const WIDTH = 880;
const HEIGHT = 420;
const SPARE = 16;

/** Rings and lines of a GeoJSON geometry. */
function lines(geometry) {
  if (!geometry) return [];
  const { type, coordinates, geometries } = geometry;
  if (type === "GeometryCollection") return geometries.flatMap(lines);
  if (type === "Polygon" || type === "MultiLineString") return coordinates;
  if (type === "MultiPolygon") return coordinates.flat();
  return type === "LineString" ? [coordinates] : [];
}

function boxOf(points) {
  const [lons, lats] = [points.map(([lon]) => lon), points.map(([, lat]) => lat)];
  const least = (list) => list.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (list) => list.reduce((a, b) => Math.max(a, b), -Infinity);
  return [least(lons), least(lats), most(lons), most(lats)];
}

/**
 * Draw positions (EPSG:4490) over the district.
 * @param {Array<[number, number]>} points
 * @returns {{canvas: HTMLElement, outside: number}} the picture, and how many positions are not on it
 */
export function positions(points) {
  const outline = lines(page.outline);
  const ground = outline.length ? outline.flat() : points;
  const [west, south, east, north] = boxOf(ground);
  const narrow = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const per = Math.min(
    (WIDTH - 2 * SPARE) / (((east - west) * narrow) || 1e-6),
    (HEIGHT - 2 * SPARE) / (north - south || 1e-6),
  );
  const place = ([lon, lat]) => [
    WIDTH / 2 + (lon - (west + east) / 2) * narrow * per,
    HEIGHT / 2 - (lat - (south + north) / 2) * per,
  ];
  const placed = points.map(place);
  const on = placed.filter(([x, y]) => x >= 0 && y >= 0 && x <= WIDTH && y <= HEIGHT);
  const canvas = el("canvas", { class: "where", role: "img", "aria-label": t("up_where") });
  const draw = () => paint(canvas, { outline, borders: lines(page.boundaries), on, place });
  draw();
  document.addEventListener("themechange", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  return { canvas, outside: points.length - on.length };
}

function paint(canvas, { outline, borders, on, place }) {
  const ratio = Math.max(1, devicePixelRatio);
  canvas.width = WIDTH * ratio;
  canvas.height = HEIGHT * ratio;
  const style = getComputedStyle(document.documentElement);
  const colour = (token) => style.getPropertyValue(`--${token}`).trim();
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = colour("outside");
  pen.fillRect(0, 0, WIDTH, HEIGHT);
  const trace = (rings) => {
    pen.beginPath();
    for (const ring of rings) ring.forEach((one, i) => pen[i ? "lineTo" : "moveTo"](...place(one)));
  };
  trace(outline);
  pen.fillStyle = colour("land");
  pen.fill("evenodd");
  pen.lineWidth = 1;
  pen.strokeStyle = colour("boundary");
  pen.stroke();
  pen.setLineDash([2, 3]);
  trace(borders);
  pen.stroke();
  pen.setLineDash([]);
  pen.fillStyle = colour("accent");
  pen.strokeStyle = colour("surface");
  for (const [x, y] of on) {
    pen.beginPath();
    pen.arc(x, y, on.length > 400 ? 2 : 3.5, 0, 2 * Math.PI);
    pen.fill();
    if (on.length <= 400) pen.stroke();
  }
}
