/** The form of one condition: its kind, what it is asked with, and whether it is negated. */

import { el, show } from "./dom.js";
import { KINDS, partOf, textOf } from "./conditions_model.js";
import { t } from "./words.js";

/**
 * @param {string|null} text the condition to change, null for a new one
 * @param {(text: string) => void} done
 * @returns {HTMLElement}
 */
export function conditionForm(text, done) {
  const known = text ? partOf(text) : null;
  const kind = el(
    "select",
    { name: "condition-kind", "aria-label": t("conditions_kind") },
    Object.keys(KINDS).map((id) =>
      el("option", { value: id, selected: id === known?.kind, text: t(`condition_${id}`) }),
    ),
  );
  const fields = el("div", { class: "condition-fields" });
  const negated = el("input", { type: "checkbox", name: "condition-not", checked: known?.negated });
  let inputs = [];
  const fill = (given) => {
    inputs = [];
    const made = KINDS[kind.value].map(([label, offer, first], at) => {
      const offered = offer(inputs.map(({ value }) => value));
      const input = Array.isArray(offered)
        ? choice(offered, given[at] ?? first?.())
        : number(offered, given[at] ?? offered.value);
      input.setAttribute("aria-label", t(label));
      input.name = `condition-${at}`;
      input.addEventListener("change", () => at < inputs.length - 1 && again(at));
      inputs.push(input);
      return el(
        "label",
        { class: "condition-field" },
        el("span", { class: "control-label", text: t(label) }),
        Array.isArray(offered) ? el("span", { class: "pick plain" }, input) : [input, el("span", { text: offered.unit })],
      );
    });
    show(fields, made);
  };
  // What comes after a field may depend on it: another kind of facility has another limit.
  const again = (at) => {
    fill(inputs.slice(0, at + 1).map(({ value }) => value));
    inputs[at].focus();
  };
  kind.addEventListener("change", () => fill([]));
  fill(known?.values ?? []);
  const finish = () => {
    if (!inputs.every((input) => input.reportValidity())) return;
    const values = inputs.map((input) => (input.type === "number" ? String(input.valueAsNumber) : input.value));
    done(textOf({ kind: kind.value, values, negated: negated.checked }));
  };
  const node = el(
    "div",
    { class: "condition-form" },
    el("span", { class: "pick plain" }, kind),
    fields,
    el("label", { class: "condition-not" }, negated, el("span", { text: t("conditions_not") })),
    el("button", {
      type: "button",
      class: "button main",
      text: t(known ? "conditions_change" : "conditions_put"),
      on: { click: finish },
    }),
  );
  // The form stands in another one, whose changes are other questions.
  node.addEventListener("change", (event) => event.stopPropagation());
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    finish();
  });
  return node;
}

function choice(offered, chosen) {
  return el(
    "select",
    {},
    offered.map(([value, title]) => el("option", { value, selected: value === chosen, text: title })),
  );
}

function number({ least, most }, value) {
  return el("input", { type: "number", inputmode: "numeric", required: true, step: 1, min: least, max: most, value });
}
