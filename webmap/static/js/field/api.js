/** Questions to the server, and what kind of answer came: a tablet must tell no network from a refusal. */

import { language, w } from "./words.js";

const PATIENCE_MS = 30_000;
const FILE_PATIENCE_MS = 900_000;

/** No answer came: the network, or a server that cannot answer now. Nothing is known of what was asked. */
export class Unreached extends Error {
  /** @param {number} waitS seconds after which the server wants to be asked again, 0 where it did not say */
  constructor(waitS = 0, status = 0) {
    super(w("no_network"));
    this.waitS = waitS;
    this.status = status;
  }
}

/** The server's answer is no. */
export class Refused extends Error {
  constructor(status, body) {
    const { title, detail, remedy } = body?.error ?? {};
    super([detail || title || w("refused_status", { status }), remedy].filter(Boolean).join(" "));
    this.status = status;
    this.body = body;
  }
}

let token = null;

/** Forget the session's token: another one may be signed in. */
export function forgetToken() {
  token = null;
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      cache: "no-store",
      ...options,
      headers: { Accept: "application/json", ...options.headers },
      signal: options.signal ?? AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new Unreached();
  }
  const { status } = response;
  if (status === 429 || status === 408 || status >= 500)
    throw new Unreached(Number(response.headers.get("Retry-After")) || 0, status);
  return response;
}

async function body(response) {
  try {
    return await response.json();
  } catch {
    // Cut off on the way, or a proxy's page instead of an answer.
    throw new Unreached(0, response.status);
  }
}

/** Parameters of an address that answers in one language. */
export function inLanguage(params = {}) {
  return language === "zh" ? params : { ...params, lang: language };
}

function addressOf(path, params) {
  const search = new URLSearchParams(params);
  return search.size ? `${path}?${search}` : path;
}

/** Fetch JSON. @param {string} path @param {Record<string, string|number>} [params] */
export async function get(path, params = {}) {
  const response = await ask(addressOf(path, params));
  const said = await body(response);
  if (!response.ok) throw new Refused(response.status, said);
  return said;
}

/** Fetch a file; the caller reads it. @returns {Promise<Response>} */
export async function getFile(path, options = {}) {
  const response = await ask(path, { signal: AbortSignal.timeout(FILE_PATIENCE_MS), ...options });
  if (!response.ok) throw new Refused(response.status, options.method === "HEAD" ? null : await body(response));
  return response;
}

/** Fetch the token of who is signed in now: what is sent with it is sent in nobody else's name. */
export async function prepareToken() {
  token ??= (await get("/api/me")).csrf;
}

/** Send JSON with the session's token. */
export async function post(path, value) {
  await prepareToken();
  const headers = { "Content-Type": "application/json" };
  if (token) headers["X-CSRF-Token"] = token;
  const response = await ask(addressOf(path, inLanguage()), { method: "POST", headers, body: JSON.stringify(value) });
  const said = await body(response);
  if (response.status === 401 || response.status === 403) forgetToken();
  if (!response.ok) throw new Refused(response.status, said);
  return said;
}
