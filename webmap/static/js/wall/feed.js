/**
 * What the wall asks the server for, again and again.
 *
 * It asks every five seconds whether its figures are still right, by the tag of those it has: the server answers from
 * memory, mostly with nothing but "still right". An open stream would hold one of the server's few threads per screen.
 */

import { language } from "../words.js";

const EVERY_MS = 5000;
const CLOSED_EVERY_MS = 30_000;
const PATIENCE_MS = 8000;

/** Ask once, by the tag of what is known. @returns {Promise<{status: number, tag: string, body: object|null, headers: Headers}>} */
export async function ask(path, params, tag) {
  const search = new URLSearchParams(params);
  if (language !== "zh") search.set("lang", language);
  const headers = { Accept: "application/json", ...(tag && { "If-None-Match": tag }) };
  const address = search.size ? `${path}?${search}` : path;
  const response = await fetch(address, { headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  return {
    status: response.status,
    tag: response.headers.get("ETag") ?? "",
    body: response.status === 200 ? await response.json() : null,
    headers: response.headers,
  };
}

/**
 * Keep asking for the wall's figures.
 * @param {{
 *   figures: (found: object) => void,
 *   fresh: (seen: {moment: Date, ageMs: number, page: string}) => void,
 *   failed: () => void,
 *   closed: () => void,
 * }} tell
 */
export function startFeed(tell) {
  let tag = "";
  let timer = 0;
  const turn = async () => {
    clearTimeout(timer);
    const wait = await once().catch((error) => {
      console.warn(error);
      tell.failed();
      return EVERY_MS;
    });
    timer = setTimeout(turn, wait);
  };
  const once = async () => {
    const answer = await ask("/api/wall", {}, tag);
    if (answer.status === 401 || answer.status === 403) {
      tag = "";
      tell.closed();
      return CLOSED_EVERY_MS;
    }
    if (answer.status !== 200 && answer.status !== 304) throw new Error(`The server answered ${answer.status}.`);
    if (answer.body) {
      tell.figures(answer.body);
      tag = answer.tag;
    }
    tell.fresh({
      moment: new Date(answer.headers.get("Wangge-Confirmed")),
      ageMs: Number(answer.headers.get("Wangge-Age")) * 1000,
      page: answer.headers.get("Wangge-Page"),
    });
    return EVERY_MS;
  };
  turn();
}
