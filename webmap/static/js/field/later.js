/** Work that can wait until the screen has answered the tap. */

const waiting = new Map();

/**
 * Do something after the next frame has been drawn; asked for again before that, it is done once.
 * @param {() => void} work
 */
export function afterPaint(work) {
  const key = String(work);
  if (waiting.has(key)) {
    waiting.set(key, work);
    return;
  }
  waiting.set(key, work);
  requestAnimationFrame(() =>
    setTimeout(() => {
      const last = waiting.get(key);
      waiting.delete(key);
      last();
    }),
  );
}
