/** Questions to the server, one error shape. */

import { language, t } from "./words.js";

/** An answer that is not one: what happened and what helps, in words. */
export class ApiError extends Error {
  /** @param {{title: string, detail?: string|null, remedy?: string|null, status?: number}} said */
  constructor({ title, detail, remedy, status }) {
    super(title);
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
export async function get(path, params = {}, signal = undefined) {
  const search = new URLSearchParams(params);
  if (language !== "zh") search.set("lang", language);
  const address = search.size ? `${path}?${search}` : path;
  let response;
  try {
    response = await fetch(address, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ title: t("offline") });
  }
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
