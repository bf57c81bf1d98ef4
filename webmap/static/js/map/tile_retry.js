/** Tiles that did not come are asked for again: a server that is busy for a moment must not leave holes in the map. */

const WAITS_MS = [500, 1500, 4000, 10_000];

/** Whether asking again may help: nothing was heard, or the server says that it cannot answer now. */
function passing({ status }) {
  return !status || status === 408 || status === 429 || status >= 500;
}

/**
 * Ask again for tiles that failed, a few times and ever later.
 * @param {object} gl MapLibre's map
 * @returns {() => boolean} whether some are still waited for: until then the map is not complete
 */
export function retryTiles(gl) {
  const tried = new Map();
  const waiting = new Set();
  gl.on("error", ({ error, tile, sourceId }) => {
    const at = tile?.tileID?.canonical;
    const key = at && `${sourceId}/${at.z}/${at.x}/${at.y}`;
    const before = tried.get(key) ?? 0;
    if (!at || !gl.getSource(sourceId) || !passing(error) || before === WAITS_MS.length) {
      console.error(error);
      return;
    }
    tried.set(key, before + 1);
    waiting.add(key);
    setTimeout(() => {
      waiting.delete(key);
      if (gl.getSource(sourceId)) gl.refreshTiles(sourceId, [{ z: at.z, x: at.x, y: at.y }]);
      // Where it is no longer in view nothing is fetched, and only a new picture tells that all is there.
      gl.triggerRepaint();
    }, WAITS_MS[before]);
  });
  gl.on("data", ({ dataType, sourceId, tile }) => {
    const at = dataType === "source" && tile?.state === "loaded" && tile.tileID?.canonical;
    if (at) tried.delete(`${sourceId}/${at.z}/${at.x}/${at.y}`);
  });
  return () => waiting.size > 0;
}
