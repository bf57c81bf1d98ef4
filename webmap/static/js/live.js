/** What is said aloud. Sentences in a row are all heard: each is an addition to the live region, and none replaces another. */

import { byId, el } from "./dom.js";

/** By then a sentence has been heard, and gives way when the next one comes. */
const HEARD_MS = 20_000;

/** Say something to those who listen. The region is not atomic: what was added is read, and nothing a second time. */
export function tell(text) {
  const live = byId("live");
  const now = performance.now();
  for (const one of [...live.children]) if (now - Number(one.dataset.at) > HEARD_MS) one.remove();
  live.append(el("span", { text: `${text} `, "data-at": now }));
}
