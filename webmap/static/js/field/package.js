/** The area package: fetched, its signature and every part checked, and only then kept; or wiped. */

import { Refused, get, getFile } from "./api.js";
import { forget, keep, kept } from "./db.js";
import { w } from "./words.js";

const MAGIC = "WANGGE\u0000\u0001";
const HEAD_BYTES = 12;
const SIGNATURE_BYTES = 64;
const TILES = "wangge-field-tiles-";
/** The map enlarges tiles of this zoom: larger ones would only weigh more. */
const MAX_ZOOM = 15;
const ADDRESS = `/api/field/package?max_zoom=${MAX_ZOOM}`;

/** How often what was taken along has been wiped while this page is open. */
let wipes = 0;

/** Something about a package is not as it must be; nothing of it was kept. */
class BadPackage extends Error {}

/** Whether this browser can check and keep a package here: it does neither on plain http. */
export function canTake() {
  return Boolean(globalThis.isSecureContext && crypto.subtle && globalThis.caches && navigator.serviceWorker);
}

/** What a package would weigh. @returns {Promise<number>} bytes */
export async function sizeOf() {
  const response = await getFile(ADDRESS, { method: "HEAD" });
  return Number(response.headers.get("Content-Length"));
}

/**
 * Take the package along.
 * @param {{publicKey: object, progress: (share: number) => void}} given the key the server shows, and who is told
 * @returns {Promise<object>} what `taken` returns
 */
export async function take({ publicKey, progress }) {
  const pinned = (await kept("key")) ?? publicKey;
  if (pinned.x !== publicKey.x || pinned.y !== publicKey.y) throw new BadPackage(w("package_other_key"));
  const begun = wipes;
  const bytes = await fetched(progress);
  const found = await checked(bytes, pinned);
  await refuseLost(found.manifest);
  const stillHere = () => {
    if (wipes !== begun) throw new BadPackage(w("package_not_any_more"));
  };
  stillHere();
  await keep("key", pinned);
  const cacheName = `${TILES}${found.manifest.made}`;
  const before = await kept("package");
  try {
    await keepTiles(cacheName, found.parts);
    stillHere();
  } catch (error) {
    if (before?.cacheName !== cacheName) await caches.delete(cacheName);
    throw error;
  }
  const made = {
    manifest: found.manifest,
    bytes: bytes.byteLength,
    cacheName,
    field: textOf(found.parts, "field.json"),
    tasks: textOf(found.parts, "tasks.json"),
    communities: textOf(found.parts, "communities.json"),
    rooms: textOf(found.parts, "mediation_rooms.json"),
  };
  await keep("package", made);
  // The one before, and what was left of any that never came to its end: it would be drawn instead of these.
  await dropTiles(cacheName);
  // Asked for once somebody has taken something along: browsers then do not clear it when space is short.
  await navigator.storage?.persist?.();
  return made;
}

/** The package that was taken along, undefined where none was. */
export function taken() {
  return kept("package");
}

/** Refuse what may not be kept any more: a download takes a while, and the device may have been revoked meanwhile. */
async function refuseLost({ holder, area }) {
  const { state } = await get("/api/field/status", { holder, area: area.id });
  if (state !== "ok") throw new BadPackage(w("package_not_any_more"));
}

/** Wipe the package: facts, tasks, tiles, and the key that it was checked with. */
export async function wipe() {
  wipes += 1;
  await forget("package");
  await forget("key");
  if (globalThis.caches) await dropTiles();
}

async function dropTiles(except = undefined) {
  for (const name of await caches.keys())
    if (name.startsWith(TILES) && name !== except) await caches.delete(name);
}

async function fetched(progress) {
  const response = await getFile(ADDRESS);
  const total = Number(response.headers.get("Content-Length")) || 0;
  const chunks = [];
  let come = 0;
  try {
    for (const reader = response.body.getReader(); ; ) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      come += value.byteLength;
      if (total) progress(come / total);
    }
  } catch {
    throw new BadPackage(w("package_cut_off"));
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Check all of a package before anything is used. @returns {Promise<{manifest: object, parts: Map<string, Uint8Array>}>} */
async function checked(bytes, publicKey) {
  if (bytes.byteLength < HEAD_BYTES || latin(bytes.subarray(0, MAGIC.length)) !== MAGIC)
    throw new BadPackage(w("package_not_one"));
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8);
  const signed = bytes.subarray(0, HEAD_BYTES + length);
  const signature = bytes.subarray(signed.length, signed.length + SIGNATURE_BYTES);
  const { kty, crv, x, y } = publicKey;
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const key = await crypto.subtle.importKey("jwk", { kty, crv, x, y }, curve, false, ["verify"]);
  if (!(await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, signature, signed)))
    throw new BadPackage(w("package_bad_signature"));
  const manifest = JSON.parse(new TextDecoder().decode(signed.subarray(HEAD_BYTES)));
  if (Date.parse(manifest.expires) <= Date.now()) throw new BadPackage(w("package_too_old"));
  const parts = new Map();
  let at = signed.length + SIGNATURE_BYTES;
  for (const { name, bytes: size, sha256 } of manifest.parts) {
    const part = bytes.subarray(at, at + size);
    at += size;
    if (hex(await crypto.subtle.digest("SHA-256", part)) !== sha256) throw new BadPackage(w("package_damaged"));
    parts.set(name, part);
  }
  return { manifest, parts };
}

async function keepTiles(cacheName, parts) {
  const { tiles } = textOf(parts, "tiles.json");
  const all = parts.get("tiles.bin");
  const cache = await caches.open(cacheName);
  const headers = { "Content-Type": "application/vnd.mapbox-vector-tile" };
  const put = ([layer, z, x, y, offset, length]) =>
    cache.put(
      `/tiles/${layer}/${z}/${x}/${y}.mvt`,
      new Response(all.slice(offset, offset + length), { headers }),
    );
  for (let at = 0; at < tiles.length; at += 64) await Promise.all(tiles.slice(at, at + 64).map(put));
}

function textOf(parts, name) {
  const part = parts.get(name);
  return part ? JSON.parse(new TextDecoder().decode(part)) : null;
}

function latin(bytes) {
  return String.fromCharCode(...bytes);
}

function hex(buffer) {
  return [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What an error of `take` or `sizeOf` says. */
export function reasonOf(error) {
  if (error instanceof BadPackage || error instanceof Refused) return error.message;
  if (error?.name === "QuotaExceededError") return w("package_no_room");
  return w("package_no_network");
}
