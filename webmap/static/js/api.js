/** Questions to the server, one error shape. */

import { language, page, t } from "./words.js";

/** An answer that is not one: what happened and what helps, in words. */
export class ApiError extends Error {
  /**
   * @param {{title: string, detail?: string|null, remedy?: string|null, status?: number}} said what the server said:
   *   `said.problems` and `said.conflicts` too, where there are any
   */
  constructor(said) {
    const { title, detail, remedy, status } = said;
    // A refusal without words, by a proxy, is no empty sentence.
    super(title || t("not_json"));
    this.said = said;
    this.detail = detail ?? "";
    this.remedy = remedy ?? "";
    this.status = status ?? 0;
  }

  /** All of it as one line. */
  get sentence() {
    return [this.message, this.detail, this.remedy]
      .filter(Boolean)
      .join(language === "zh" ? "。" : ". ")
      .replaceAll("。。", "。")
      .replaceAll("..", ".");
  }
}

/**
 * Fetch JSON from the API.
 * @param {string} path
 * @param {URLSearchParams|Record<string, string>} [params]
 * @param {AbortSignal} [signal]
 */
export function get(path, params = {}, signal = undefined) {
  const search = new URLSearchParams(params);
  if (language !== "zh") search.set("lang", language);
  return asked(search.size ? `${path}?${search}` : path, { signal });
}

/**
 * Change something by the API.
 * @param {"POST"|"PUT"|"DELETE"} method
 * @param {string} path
 * @param {object} [body] sent as JSON
 * @param {AbortSignal} [signal]
 * @returns {Promise<object|null>} null where there is nothing to tell
 */
export function send(method, path, body = undefined, signal = undefined) {
  const headers = { "X-CSRF-Token": page.csrf };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const address = language === "zh" ? path : `${path}${path.includes("?") ? "&" : "?"}lang=${language}`;
  return asked(address, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
}

async function asked(address, { headers, ...options }) {
  let response;
  try {
    response = await fetch(address, { ...options, headers: { Accept: "application/json", ...headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ title: t("offline") });
  }
  if (response.status === 204) return null;
  let body;
  try {
    body = await response.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ title: t("not_json"), status: response.status });
  }
  if (!response.ok) throw new ApiError(body.error ?? { title: t("not_json"), status: response.status });
  return body;
}
