/** Tiles that did not come are asked for again: a server that is busy for a moment must not leave holes in the map. */

import { LostTiles, passing } from "./lost_tiles.js";

const WAITS_MS = [500, 1500, 4000, 10_000];
/** By map: how to ask for what was given up. */
const again = new WeakMap();

/** Ask for the tiles that were given up: there is a network again, or somebody has signed in. */
export function askAgain(gl) {
  again.get(gl)?.();
}

/**
 * Ask again for tiles that failed, a few times and ever later.
 * @param {object} gl MapLibre's map
 * @returns {() => boolean} whether some are still waited for: until then the map is not complete
 */
export function retryTiles(gl) {
  const tried = new Map();
  const waiting = new Set();
  const lost = new Map();
  const keyOf = (sourceId, { z, x, y }) => `${sourceId}/${z}/${x}/${y}`;
  const ask = (sourceId, { z, x, y }) => {
    if (gl.getSource(sourceId)) gl.refreshTiles(sourceId, [{ z, x, y }]);
    // Where it is no longer in view nothing is fetched, and only a new picture tells that all is there.
    gl.triggerRepaint();
  };
  const askForLost = () => {
    const all = [...lost.values()];
    lost.clear();
    for (const { sourceId, at } of all) ask(sourceId, at);
  };
  const told = new LostTiles(gl.getContainer(), askForLost);
  again.set(gl, () => {
    told.clear();
    askForLost();
  });
  gl.on("idle", () => waiting.size || told.settled());
  gl.on("error", ({ error, tile, sourceId }) => {
    const at = tile?.tileID?.canonical;
    if (!at || !gl.getSource(sourceId)) {
      console.error(error);
      return;
    }
    const key = keyOf(sourceId, at);
    const before = tried.get(key) ?? 0;
    if (!passing(error) || before === WAITS_MS.length) {
      tried.delete(key);
      lost.set(key, { sourceId, at });
      told.add(key, error.status);
      console.error(error.message);
      return;
    }
    tried.set(key, before + 1);
    waiting.add(key);
    setTimeout(() => {
      waiting.delete(key);
      ask(sourceId, at);
    }, WAITS_MS[before]);
  });
  gl.on("data", ({ dataType, sourceId, tile }) => {
    const at = dataType === "source" && tile?.state === "loaded" && tile.tileID?.canonical;
    if (!at) return;
    const key = keyOf(sourceId, at);
    tried.delete(key);
    lost.delete(key);
    told.found(key);
  });
  return () => waiting.size > 0;
}
