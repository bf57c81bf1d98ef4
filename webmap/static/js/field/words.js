/** The tablet's words, days and measures; what the server sends in both languages is told in the page's. */

import { language, page, t } from "../words.js";

export { language, page };

/** A sentence of webmap/words_field.py. */
export const w = t;

/** What the server says in both languages, in the page's. @param {{zh: string, en: string}|string|null} text */
export function told(text) {
  if (text === null || text === undefined) return "";
  return typeof text === "string" ? text : (text[language] ?? text.zh);
}

/** A name of the district's things that has perhaps no English one. */
export function named({ name, name_en: english }) {
  return (language === "en" && english) || name;
}

/** Where one signs in, and comes back from. */
export const SIGN_IN = `/sign-in?${new URLSearchParams(
  language === "zh" ? { next: "/field" } : { next: `/field?lang=${language}`, lang: language },
)}`;

// China has one time zone, and no summer time: a tablet set to another one writes the same days.
const dayFormat = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" });
const timeFormat = new Intl.DateTimeFormat("sv-SE", {
  timeZone: "Asia/Shanghai",
  hour: "2-digit",
  minute: "2-digit",
});

/** The day of a moment as 2026-11-20. @param {Date|number|string} moment */
export function dayOf(moment) {
  return dayFormat.format(new Date(moment));
}

/** The day before a day. */
export function dayBefore(day) {
  return new Date(Date.parse(`${day}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
}

/** A moment as it is told today: the time; yesterday's with that word; older ones with their day. */
export function when(moment) {
  const day = dayOf(moment);
  const time = timeFormat.format(new Date(moment));
  const today = dayOf(Date.now());
  if (day === today) return time;
  return day === dayBefore(today) ? w("yesterday_at", { time }) : `${day} ${time}`;
}

/** A moment in a list of moments: the day always stands beside the time. */
export function dated(moment) {
  return `${dayOf(moment)} ${timeFormat.format(new Date(moment))}`;
}

/** Bytes as megabytes with one decimal, the least 0.1. */
export function megabytes(bytes) {
  return `${Math.max(0.1, bytes / 1e6).toFixed(1)} MB`;
}

/** Metres, from a kilometre on with one decimal. */
export function distance(metres) {
  if (metres >= 995) return `${(metres / 1000).toFixed(1)} km`;
  return `${metres < 10 ? Math.round(metres) : Math.round(metres / 10) * 10} m`;
}
