/** Sending what was seen: the same change always under the same key, so that the server writes it once. */

import { send } from "./api.js";

const MOST_FOLLOWED = 50;

/**
 * @param {object} facts an answer of /api/facts: what the change is based on
 * @returns {(request: object) => Promise<object>} sends; again with the same request, under the same key
 */
export function factSender({ layer, code, version, epoch }) {
  const before = [];
  let last = { said: "", key: "" };
  return (request) => {
    const body = { layer, code, based_on: version, epoch, ...request };
    const said = JSON.stringify(body);
    if (last.said !== said) {
      if (last.key) before.push(last.key);
      last = { said, key: uuid() };
    }
    // One of those may have been written, and its answer lost: that is no change of somebody else's.
    return send("POST", "/api/facts", { key: last.key, ...body, follows: before.slice(-MOST_FOLLOWED) });
  };
}

/** A random UUID; plain http on a name has no crypto.randomUUID. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
