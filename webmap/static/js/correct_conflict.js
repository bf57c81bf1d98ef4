/** Two who changed the same: both sides beside each other, and a person chooses. */

import { button } from "./correct_form.js";
import { factSender } from "./correct_send.js";
import { el, unbroken } from "./dom.js";
import { cell } from "./shapes.js";
import { count, joined, t } from "./words.js";

let tables = 0;

/**
 * @param {{conflicts: object[], restored?: string}} said as the server tells them, and that the store was restored
 * @param {object} request what was to be written
 * @param {object} theirs the facts as they are now
 * @param {{written: Function, again: Function, back: () => void}} actions
 */
export function startConflict({ conflicts, restored }, request, theirs, { written, again, back }) {
  const number = (tables += 1);
  const field = (name) => theirs.fields.find((one) => one.field === name);
  const who = joined([...new Set(conflicts.map((one) => one.who).filter(Boolean))]);
  const chosen = new Map(conflicts.map((one) => [one.field, "theirs"]));
  const status = el("p", { class: "record-status", role: "alert" });
  const side = (conflict, which) => {
    const text = words(field(conflict.field), conflict[which]);
    const isFact = field(conflict.field)?.type === "fact";
    return el(
      "td",
      {},
      el(
        "label",
        { class: "side-choice" },
        el("input", {
          type: "radio",
          name: `conflict-${number}-${conflict.field}`,
          value: which,
          checked: which === "theirs",
          on: { change: () => chosen.set(conflict.field, which) },
        }),
        isFact && cell(conflict[which] ?? "unknown"),
        el("span", { text }),
        reason(conflict, which, request),
      ),
    );
  };
  const save = el("button", { type: "submit", class: "button main", text: t("conflict_merge") });
  const form = el(
    "form",
    { class: "conflict record-form" },
    el(
      "div",
      { class: "record-body", tabindex: "0", role: "group", "aria-label": t("conflict_title") },
      el("h3", { tabindex: "-1", text: t("conflict_title") }),
      el("p", { class: "hint", text: restored ?? t("conflict_text", { who: who || t("conflict_somebody") }) }),
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["conflict_field", "conflict_mine", "conflict_theirs"].map((key) =>
              el("th", { scope: "col", text: t(key) }),
            ),
          ),
        ),
        el(
          "tbody",
          {},
          conflicts.map((conflict) =>
            el(
              "tr",
              { "data-field": conflict.field },
              el(
                "th",
                { scope: "row" },
                field(conflict.field)?.title ?? t("record_position"),
                el("span", {
                  class: "was",
                  text: t("conflict_was", { value: words(field(conflict.field), conflict.base) }),
                }),
              ),
              side(conflict, "mine"),
              side(conflict, "theirs"),
            ),
          ),
        ),
      ),
    ),
    el(
      "footer",
      { class: "record-foot" },
      status,
      el("div", { class: "record-buttons" }, save, button("conflict_back", back)),
    ),
  );
  // What was written after the conflict is not what is shown here: it is looked at again.
  const send = factSender({ ...theirs, version: Math.max(...conflicts.map(({ version }) => version)) });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const kept = Object.entries(request.values).filter(([name]) => chosen.get(name) !== "theirs");
    if (!kept.length) {
      back();
      return;
    }
    const next = { ...request, values: Object.fromEntries(kept) };
    try {
      await written(await send(next));
    } catch (error) {
      if (error.said?.conflicts) await again({ error, request: next });
      else if (error.said?.problems)
        status.textContent = error.said.problems
          .map(({ message, remedy }) => `${message} ${remedy}`)
          .join(" ");
      else status.textContent = error.status ? error.sentence : t("record_unanswered");
    }
  });
  return form;
}

/** A value as people read it. */
function words(field, value) {
  if (value === null || value === undefined) return t("record_unknown");
  if (field?.type === "integer") return count(value);
  if (typeof value === "object") return `${value.lon}, ${value.lat}`;
  return field?.codes?.find(({ id }) => id === value)?.title ?? String(value);
}

/** On which day, and from where it is known. */
function reason({ as_of: day, source, note }, which, request) {
  const parts = which === "mine" ? [request.as_of, request.source, request.note] : [day, source, note];
  return el("small", {}, unbroken(parts.filter(Boolean).join(" · ")));
}
