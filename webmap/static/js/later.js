/** Work that can wait until the screen has answered the tap. */

const waiting = new Set();

/**
 * Do something after the next frame has been drawn; the same function asked for again before that is done once.
 * @param {() => void} work
 */
export function afterPaint(work) {
  if (waiting.has(work)) return;
  waiting.add(work);
  requestAnimationFrame(() =>
    setTimeout(() => {
      waiting.delete(work);
      work();
    }),
  );
}
