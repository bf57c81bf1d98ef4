/** Sending what was seen: the same change always under the same key, so that the server writes it once. */

import { send } from "./api.js";

/**
 * @param {object} facts an answer of /api/facts: what the change is based on
 * @returns {(request: object) => Promise<object>} sends; again with the same request, under the same key
 */
export function factSender({ layer, code, version }) {
  let last = { said: "", key: "" };
  return (request) => {
    const body = { layer, code, based_on: version, ...request };
    const said = JSON.stringify(body);
    if (last.said !== said) last = { said, key: uuid() };
    return send("POST", "/api/facts", { key: last.key, ...body });
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
