/** The map sheet's frame: kilometre ticks along its edges, and the scale bar that shares their step. */

import { colour, scale } from "./colours.js";

const STEPS_M = [50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000];
const TICK_PX = 15;
const BAR_PX = 52;
const EARTH_M = 40075016.686;

/** Draw ticks and scale bar over a Leaflet map, and again whenever it moves. */
export function startFrame(map, canvas) {
  let sharp = null;
  const draw = () => {
    const ratio = sharp ?? devicePixelRatio;
    const { x: width, y: height } = map.getSize();
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const pixels = pixelsPerMetre(map);
    ticks(pen, map, pixels, width, height);
    bar(pen, pixels, width, height);
  };
  map.on("move zoom resize viewreset", draw);
  document.addEventListener("themechange", draw);
  document.addEventListener("sharpen", ({ detail }) => {
    sharp = detail;
    draw();
  });
  draw();
}

function pixelsPerMetre(map) {
  const { lat } = map.getCenter();
  return (256 * 2 ** map.getZoom()) / (EARTH_M * Math.cos((lat * Math.PI) / 180));
}

function step(pixels, wanted) {
  return STEPS_M.find((metres) => metres * pixels >= wanted) ?? STEPS_M.at(-1);
}

function ticks(pen, map, pixels, width, height) {
  const gap = step(pixels, 60 * scale()) * pixels;
  // The ticks hold to the ground: they move with the map.
  const origin = map.latLngToContainerPoint(map.options.tickOrigin);
  const length = TICK_PX * scale() * 0.6;
  pen.strokeStyle = colour("boundary");
  pen.lineWidth = scale();
  pen.beginPath();
  for (let x = ((origin.x % gap) + gap) % gap; x < width; x += gap) {
    pen.moveTo(Math.round(x) + 0.5, 0);
    pen.lineTo(Math.round(x) + 0.5, length);
    pen.moveTo(Math.round(x) + 0.5, height);
    pen.lineTo(Math.round(x) + 0.5, height - length);
  }
  for (let y = ((origin.y % gap) + gap) % gap; y < height; y += gap) {
    pen.moveTo(0, Math.round(y) + 0.5);
    pen.lineTo(length, Math.round(y) + 0.5);
    pen.moveTo(width, Math.round(y) + 0.5);
    pen.lineTo(width - length, Math.round(y) + 0.5);
  }
  pen.stroke();
}

function bar(pen, pixels, width, height) {
  const metres = step(pixels, BAR_PX * scale());
  const length = metres * pixels;
  const right = width - 18 * scale();
  const bottom = height - 32 * scale();
  const rise = 5 * scale();
  pen.strokeStyle = colour("ink");
  pen.lineWidth = 1.4 * scale();
  pen.beginPath();
  pen.moveTo(right - length, bottom - rise);
  pen.lineTo(right - length, bottom);
  pen.lineTo(right, bottom);
  pen.lineTo(right, bottom - rise);
  pen.stroke();
  const text = metres >= 1000 ? `${metres / 1000} km` : `${metres} m`;
  pen.font = `${12 * scale()}px ${getComputedStyle(document.body).fontFamily}`;
  pen.textAlign = "right";
  pen.textBaseline = "top";
  pen.lineWidth = 3 * scale();
  pen.lineJoin = "round";
  pen.strokeStyle = colour("label-halo");
  pen.strokeText(text, right, bottom + 4 * scale());
  pen.fillStyle = colour("ink");
  pen.fillText(text, right, bottom + 4 * scale());
}
