/** The page's words and numbers, in the language that the server wrote the page in. */

import { byId } from "./dom.js";

export const page = JSON.parse(byId("page-data").textContent);
export const language = page.language;
/** What of the district whoever asks may see. */
export const { sight } = page.district;

/**
 * A sentence of webmap/words.py.
 * @param {string} key
 * @param {Record<string, string|number>} [values] what its {named} places hold
 */
export function t(key, values = {}) {
  const text = page.words[key];
  if (text === undefined) throw new Error(`There are no words for ${key}.`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A count, thousands parted by commas. */
export function count(value) {
  return whole.format(value);
}

/** Metres, rounded. */
export function metres(value) {
  return `${whole.format(value)} m`;
}

/** A share of one as a percentage with one decimal; only all reads 100.0%, only nothing 0.0%. */
export function percent(share) {
  const written = `${(share * 100).toFixed(1)}%`;
  if (written === "100.0%" && share < 1) return ">99.9%";
  return written === "0.0%" && share > 0 ? "<0.1%" : written;
}

/** People as the language counts them: 万 in Chinese, thousands in English. */
export function people(value) {
  if (language === "zh" && value >= 10000) return `${(value / 10000).toFixed(1)} 万`;
  return whole.format(value);
}

/** Names in a row: 、 in Chinese, commas in English. */
export function joined(names) {
  return names.join(language === "zh" ? "、" : ", ");
}

/** A name of the district's things in the page's language. */
export function titled(thing) {
  return (language === "en" && thing.name_en) || thing.name;
}
