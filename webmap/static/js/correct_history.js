/** What was done to a feature: who, when, from what to what, from where it was known. */

import { get } from "./api.js";
import { el } from "./dom.js";
import { metres, t } from "./words.js";

const SHOWN = 50;

/** Fetch and make the list, newest first. @returns {Promise<HTMLElement>} */
export async function historyList({ layer, code }) {
  let told;
  try {
    told = await get(`/api/history/${layer}/${encodeURIComponent(code)}`, { limit: SHOWN });
  } catch (error) {
    return el("p", { class: "trouble", role: "alert", text: error.sentence ?? error.message });
  }
  const { edits, count, since } = told;
  return el(
    "div",
    { class: "record-body", tabindex: "0", role: "group", "aria-label": t("record_history") },
    edits.length
      ? el("ol", { class: "history" }, edits.map(edit))
      : el("p", { class: "hint", text: t("history_none") }),
    count > edits.length && el("p", { class: "hint", text: t("history_more", { n: count - edits.length }) }),
    since > 0 && el("p", { class: "hint", text: t("history_since", { version: since }) }),
  );
}

function edit({ kind, at, who, source, note, as_of: day, correction, fields }) {
  const lines =
    kind === "insert"
      ? [t("history_insert", { n: fields.length })]
      : kind === "delete"
        ? [t("history_delete")]
        : fields.filter((one) => !one.field.endsWith("_date") || fields.length === 1).map(line);
  const facts = [
    source && t("history_source", { source }),
    day && t("history_from", { date: day }),
    correction && source && t("history_correction"),
  ];
  return el(
    "li",
    {},
    el("p", {
      class: "history-head",
      text: t("history_head", { when: moment(at), who: who || t("history_nobody") }),
    }),
    lines.map((text) => el("p", { class: "history-line", text })),
    el("p", { class: "history-why", text: facts.filter(Boolean).join(" · ") }),
    note && el("p", { class: "history-why", text: note }),
  );
}

function line(one) {
  if (one.guarded) return t("history_guarded", one);
  if (one.erased) return t("history_erased", one);
  if (one.field === "geometry")
    return one.moved_m ? t("history_moved", { metres: metres(one.moved_m) }) : t("history_redrawn");
  return t("history_change", { title: one.title, before: one.before_title, after: one.after_title });
}

/** A moment by this machine's clock, to the minute. */
function moment(at) {
  if (!at) return t("history_moment");
  const day = new Date(at);
  const two = (number) => String(number).padStart(2, "0");
  const date = [day.getFullYear(), two(day.getMonth() + 1), two(day.getDate())].join("-");
  return `${date} ${two(day.getHours())}:${two(day.getMinutes())}`;
}
