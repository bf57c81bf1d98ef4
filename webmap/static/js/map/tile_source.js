/** Tiles for the canvas engine: protomaps-leaflet takes what arrives for a tile; this hears refusals, and asks again. */

import { passing } from "./lost_tiles.js";

const WAITS_MS = [500, 1500];

/**
 * What protomaps-leaflet takes for an archive of tiles.
 * @param {string} template the tiles' address
 * @param {import("./lost_tiles.js").LostTiles} lost is told of those that do not come
 */
export function tileSource(template, lost) {
  return {
    async getZxy(z, x, y, signal) {
      const url = template.replace("{z}", z).replace("{x}", x).replace("{y}", y);
      const data = await ask(url, signal, (status) => lost.add(url, status));
      lost.found(url);
      return { data };
    },
  };
}

async function ask(url, signal, failed) {
  for (let tried = 0; ; tried += 1) {
    let status = 0;
    try {
      const answer = await fetch(url, { signal });
      if (answer.ok) return await answer.arrayBuffer();
      status = answer.status;
    } catch (error) {
      if (error.name === "AbortError") throw error;
    }
    if (tried === WAITS_MS.length || !passing({ status })) {
      failed(status);
      throw new Error(`Failed to load ${url}: ${status || "no answer"}`);
    }
    await pause(WAITS_MS[tried], signal);
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
